"""Uses OpenAI's Python client against the gateway given as base URL and key; prints what it saw as JSON."""
import json
import sys

from openai import APIStatusError, OpenAI

base_url, key = sys.argv[1:3]
client = OpenAI(base_url=base_url, api_key=key, max_retries=0)
messages = [{"role": "user", "content": "Say hello."}]
seen = {}

reply = client.chat.completions.create(model="gpt-4o", messages=messages)
seen["text"] = reply.choices[0].message.content

parts = []
for chunk in client.chat.completions.create(
    model="gpt-4o", messages=messages, stream=True, stream_options={"include_usage": True}
):
    if chunk.choices and chunk.choices[0].delta.content:
        parts.append(chunk.choices[0].delta.content)
    if chunk.usage:
        seen["usage"] = chunk.usage.total_tokens
seen["streamed"] = "".join(parts)

vector = client.embeddings.create(model="text-embedding-3-small", input="hello")
seen["dimensions"] = len(vector.data[0].embedding)

seen["owner"] = next(model.owned_by for model in client.models.list() if model.id == "gpt-4o")


def code_of(call):
    try:
        call()
    except APIStatusError as error:
        return error.code
    return None


seen["unknown_model"] = code_of(lambda: client.chat.completions.create(model="no-such-model", messages=messages))
stranger = OpenAI(base_url=base_url, api_key="sk-" + "x" * 45, max_retries=0)
seen["bad_key"] = code_of(lambda: stranger.models.list())

print(json.dumps(seen))
