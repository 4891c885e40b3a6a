"""Makes the small Qwen3-VL of the demo and the tests: tokenizer, data, training, evaluation, model card.

    python -m tools.tiny_model train --out DIR     trains from nothing, or goes on where a run was stopped
    python -m tools.tiny_model evaluate --model DIR     asks it through the consumer's own decoder and vLLM

Training needs numpy, torch, transformers, tokenizers and safetensors alone, so that it runs on a bare machine with a
GPU; of the package it takes the demo's world and the words of a merge.
"""
