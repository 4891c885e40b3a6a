"""What stands under "Examples" in the help of each command; a test puts every line through the real parser."""

from __future__ import annotations

_TALK = "s3://videos/talk.mp4"

# By the command's name, which is empty for the program itself; at most 76 characters wide, or a terminal breaks them.
EXAMPLES: dict[str, tuple[str, ...]] = {
    "": ("video-consumer check --quick", 'video-consumer submit talk.mp4 --prompt "Describe it." --wait'),
    "run": (
        "video-consumer run",
        "video-consumer run --engine synthetic --log-format console",
        "video-consumer run --set PRESET=24gb-fp8 --set HTTP_PORT=0",
    ),
    "process": (
        "video-consumer process talk.mp4",
        'video-consumer process talk.mp4 --prompt "Who speaks?" --export talk.srt',
        "video-consumer process talk.mp4 --start-time 60 --end-time 90 --json",
    ),
    "submit": (
        f"video-consumer submit {_TALK}",
        'video-consumer submit talk.mp4 --prompt "What is sold?" --wait',
        "video-consumer submit recordings/ 'cameras/*.mkv' --fps 1",
        "video-consumer submit --from-file jobs.jsonl --wait",
        "video-consumer submit talk.mp4 --response-schema @events.json",
    ),
    "watch": ("video-consumer watch", "video-consumer watch talk-1 talk-2 --timeout 600"),
    "results": (
        "video-consumer results talk-1",
        "video-consumer results talk-1 --json",
        "video-consumer results talk-1 --export talk.srt --export talk.md",
    ),
    "cancel": ('video-consumer cancel talk-1 --reason "wrong file"',),
    "ask": (
        'video-consumer ask talk-1 --again "List who speaks, and when."',
        'video-consumer ask talk-1 --zoom "What is written on the red sign?"',
    ),
    "estimate": (
        "video-consumer estimate talk.mp4",
        "video-consumer estimate s3://videos/talks/ --price-per-hour 3.50",
        "video-consumer estimate talk.mp4 --fps 1 --chunk-duration 120 --json",
    ),
    "dlq list": ("video-consumer dlq list", "video-consumer dlq list --code SOURCE_UNREACHABLE"),
    "dlq show": ("video-consumer dlq show 3/17", "video-consumer dlq show talk-1 --json"),
    "dlq redrive": (
        "video-consumer dlq redrive --code SOURCE_UNREACHABLE",
        "video-consumer dlq redrive 3/17 talk-1 --yes",
    ),
    "topics create": ("video-consumer topics create --set TOPIC_PARTITIONS=32",),
    "topics check": ("video-consumer topics check",),
    "check": ("video-consumer check --quick", "video-consumer check --json"),
    "settings": ("video-consumer settings", "video-consumer settings --set PRESET=24gb-fp8 --json"),
    "demo": ("video-consumer demo", "video-consumer demo --seed 7 --report demo.html"),
    "serve": ("video-consumer serve --local", "video-consumer serve --local --host 0.0.0.0 --port 8080"),
    "runpod pods create": (
        "video-consumer runpod pods create --image you/video-consumer:0.1.0 --dry-run",
        "video-consumer runpod pods create --image you/vc:1 --min-memory 48 --count 2",
    ),
    "runpod pods list": ("video-consumer runpod pods list --fleet films",),
    "runpod pods remove": (
        "video-consumer runpod pods remove films-1a2b3c4d --fleet films",
        "video-consumer runpod pods remove --fleet films --all",
    ),
    "autoscale": (
        "video-consumer autoscale --image you/vc:1 --max-pods 8 --max-hourly 6",
        "video-consumer autoscale --image you/vc:1 --max-pods 8 --max-hourly 6 --once",
    ),
    "completion": (
        'eval "$(video-consumer completion bash)"',
        'eval "$(video-consumer completion zsh)"',
        "video-consumer completion fish | source",
    ),
    "version": ("video-consumer version", "video-consumer version --json"),
}


def epilog(name: str) -> str:
    """The examples of a command, or of all commands of a group, as click wants a text that it shall not wrap."""
    lines = [line for known, lines in EXAMPLES.items() if f"{known} ".startswith(f"{name} ") for line in lines]
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
