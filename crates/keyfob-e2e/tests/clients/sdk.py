"""Streams an answer with OpenAI's own library, which takes everything from the environment."""

import json

from openai import OpenAI

stream = OpenAI(max_retries=0).responses.create(model="keyfob-demo", input="Hello", stream=True)
text = ""
bits = 0
for event in stream:
    if event.type == "response.output_text.delta":
        text += event.delta
        bits += 1
print(json.dumps({"text": text, "bits": bits}))
