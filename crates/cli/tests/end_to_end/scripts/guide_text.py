"""The guide's own functions, taken from the text that TIDEGATE_GUIDE names."""

import os
import re

import boto3


def functions(**names) -> dict:
    """Every function that the guide defines, with the `names` at its top level that they use."""
    text = open(os.environ["TIDEGATE_GUIDE"], encoding="utf-8").read()
    namespace = {"boto3": boto3, **names}
    # A signature that goes over two lines ends in a line that starts with a space, so the pattern keeps it.
    for source in re.findall(r"^def .*?(?=^\S)", text, flags=re.MULTILINE | re.DOTALL):
        exec(compile(source, "guide", "exec"), namespace)
    return namespace
