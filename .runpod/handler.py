"""Where RunPod's Hub looks for the handler. The image starts it by itself: on a serverless worker `run` is `serve`."""

import sys

from consumer.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["serve"]))
