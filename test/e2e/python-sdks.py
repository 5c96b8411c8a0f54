"""Uses the Python clients of OpenAI, Anthropic and Google against a gateway; prints what they saw as JSON.

Arguments: the gateway's URL, its key, the vendor's URL (which fails on demand), and the models, one for each upstream.
"""
import json
import sys
import traceback
import urllib.request

from anthropic import Anthropic
from google import genai
from google.genai import types
from openai import OpenAI
from pydantic import BaseModel

url, key, vendor, *models = sys.argv[1:]
stranger = "sk-nobody-0123456789abcdef0123456789ab"


class City(BaseModel):
    city: str
    people: int


def fail_next(*failures):
    body = json.dumps({"failures": failures}).encode()
    request = urllib.request.Request(f"{vendor}/fail-next", body, {"content-type": "application/json"})
    urllib.request.urlopen(request).read()


def thrown_by(call):
    """The class of what a call raises, its status, and what it says."""
    try:
        call()
    except Exception as error:
        status = getattr(error, "status_code", None) or getattr(error, "code", None)
        return [type(error).__name__, status if isinstance(status, int) else None, str(error)]
    return None


parameters = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
capital = "What is the capital of Japan?"
weather = "What is the weather in Bonn?"
people = "How many live in Bonn: 330000?"


def use_openai(model):
    seen = {}
    client = OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
    ask = lambda text, **more: client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": text}], **more
    )
    seen["text"] = ask(capital).choices[0].message.content
    with client.chat.completions.stream(model=model, messages=[{"role": "user", "content": capital}]) as stream:
        for _ in stream:
            pass
        seen["streamed"] = stream.get_final_completion().choices[0].message.content
    tools = [{"type": "function", "function": {"name": "weather", "parameters": parameters, "strict": True}}]
    first = ask(weather, tools=tools).choices[0].message
    call = first.tool_calls[0]
    messages = [
        {"role": "user", "content": weather},
        first,
        {"role": "tool", "tool_call_id": call.id, "content": f"18 C in {json.loads(call.function.arguments)['city']}"},
    ]
    seen["looped"] = client.chat.completions.create(model=model, messages=messages, tools=tools).choices[0].message.content
    parsed = client.chat.completions.parse(
        model=model, messages=[{"role": "user", "content": people}], response_format=City
    )
    seen["parsed"] = parsed.choices[0].message.parsed.model_dump()
    seen["response"] = client.responses.create(model=model, input=capital, store=False).output_text
    with client.responses.stream(model=model, input=capital, store=False) as stream:
        for _ in stream:
            pass
        seen["responseStreamed"] = stream.get_final_response().output_text
    made = client.responses.parse(model=model, input=people, text_format=City, store=False)
    seen["responseParsed"] = made.output_parsed.model_dump()
    # What is kept is gone on with by its id alone.
    begun = client.responses.create(model=model, input="My name is Ada.")
    seen["remembered"] = client.responses.create(
        model=model, input="What is my name?", previous_response_id=begun.id
    ).output_text
    seen["listed"] = model in [one.id for one in client.models.list()]
    seen["errors"] = {}
    bad = OpenAI(base_url=f"{url}/v1", api_key=stranger, max_retries=0)
    chat = {"model": model, "messages": [{"role": "user", "content": capital}]}
    seen["errors"]["key"] = thrown_by(lambda: bad.chat.completions.create(**chat))
    seen["errors"]["model"] = thrown_by(lambda: client.models.retrieve("no-such-model"))
    seen["errors"]["field"] = thrown_by(lambda: client.responses.create(model=model, input=[{"role": 7}]))
    fail_next({"status": 429})
    seen["errors"]["busy"] = thrown_by(lambda: ask(capital))
    fail_next({"status": 503})
    seen["errors"]["broken"] = thrown_by(lambda: ask(capital))
    fail_next({"cutBehind": 4})
    seen["errors"]["cut"] = thrown_by(lambda: [chunk for chunk in ask("An essay.", stream=True)])
    fail_next({"hangs": True})
    seen["errors"]["timeout"] = thrown_by(lambda: client.with_options(timeout=0.3).chat.completions.create(**chat))
    # Waits take their time.
    fail_next(*([{"status": 429, "headers": {"retry-after": "1"}}] if model == models[0] else []))
    seen["retried"] = client.with_options(max_retries=1).chat.completions.create(**chat).choices[0].message.content
    return seen


def use_anthropic(model):
    seen = {}
    client = Anthropic(base_url=url, api_key=key, max_retries=0)
    ask = lambda text, **more: client.messages.create(
        **{"model": model, "max_tokens": 1000, "messages": [{"role": "user", "content": text}], **more}
    )
    text_of = lambda message: "".join(block.text for block in message.content if block.type == "text")
    seen["text"] = text_of(ask(capital))
    with client.messages.stream(
        model=model, max_tokens=1000, messages=[{"role": "user", "content": capital}]
    ) as stream:
        pieces = "".join(stream.text_stream)
        seen["streamed"] = [pieces, text_of(stream.get_final_message())]
    tools = [{"name": "weather", "description": "d", "input_schema": parameters}]
    first = ask(weather, tools=tools)
    call = next(block for block in first.content if block.type == "tool_use")
    result = {"type": "tool_result", "tool_use_id": call.id, "content": f"18 C in {call.input['city']}"}
    messages = [
        {"role": "user", "content": weather},
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [result]},
    ]
    seen["looped"] = text_of(ask("", tools=tools, messages=messages))
    seen["parsed"] = client.messages.parse(
        model=model, max_tokens=1000, messages=[{"role": "user", "content": people}], output_format=City
    ).parsed_output.model_dump()
    seen["counted"] = client.messages.count_tokens(
        model=model, messages=[{"role": "user", "content": capital}]
    ).input_tokens
    seen["listed"] = model in [one.id for one in client.models.list(limit=3)]
    seen["errors"] = {}
    bad = Anthropic(base_url=url, api_key=stranger, max_retries=0)
    asked = {"model": model, "max_tokens": 1000, "messages": [{"role": "user", "content": capital}]}
    seen["errors"]["key"] = thrown_by(lambda: bad.messages.create(**asked))
    seen["errors"]["model"] = thrown_by(lambda: client.models.retrieve("no-such-model"))
    seen["errors"]["field"] = thrown_by(lambda: ask("", messages=[{"role": "user", "content": [7]}]))
    fail_next({"status": 429})
    seen["errors"]["busy"] = thrown_by(lambda: ask(capital))
    fail_next({"status": 503})
    seen["errors"]["broken"] = thrown_by(lambda: ask(capital))
    fail_next({"cutBehind": 4})

    def cut():
        with client.messages.stream(**{**asked, "messages": [{"role": "user", "content": "An essay."}]}) as stream:
            stream.get_final_message()

    seen["errors"]["cut"] = thrown_by(cut)
    fail_next({"hangs": True})
    seen["errors"]["timeout"] = thrown_by(lambda: client.with_options(timeout=0.3).messages.create(**asked))
    # Waits take their time.
    fail_next(*([{"status": 429, "headers": {"retry-after": "1"}}] if model == models[0] else []))
    seen["retried"] = text_of(client.with_options(max_retries=1).messages.create(**asked))
    return seen


def use_google(model):
    seen = {}
    client_of = lambda api_key, **more: genai.Client(
        api_key=api_key, vertexai=False, http_options=types.HttpOptions(base_url=url, **more)
    )
    client = client_of(key)
    ask = lambda text, **more: client.models.generate_content(
        model=model, contents=text, config=types.GenerateContentConfig(**more)
    )
    seen["text"] = ask(capital).text
    seen["streamed"] = "".join(
        chunk.text or "" for chunk in client.models.generate_content_stream(model=model, contents=capital)
    )

    def weather_of(city: str) -> str:
        """The weather of a city.

        Args:
            city: its name
        """
        return f"18 C in {city}"

    weather_of.__name__ = "weather"
    # The client calls the function by itself.
    seen["looped"] = ask(weather, tools=[weather_of]).text
    made = ask(people, response_mime_type="application/json", response_schema=City)
    seen["parsed"] = made.parsed.model_dump()
    chat = client.chats.create(model=model)
    chat.send_message("My name is Ada.")
    seen["remembered"] = chat.send_message("What is my name?").text
    seen["counted"] = client.models.count_tokens(model=model, contents=capital).total_tokens
    seen["listed"] = f"models/{model}" in [one.name for one in client.models.list(config={"page_size": 3})]
    seen["errors"] = {}
    # A client that nobody holds any more is closed.
    bad, hurried = client_of(stranger), client_of(key, timeout=300)
    seen["errors"]["key"] = thrown_by(lambda: bad.models.generate_content(model=model, contents=capital))
    seen["errors"]["model"] = thrown_by(lambda: client.models.get(model="no-such-model"))
    fail_next({"status": 429})
    seen["errors"]["busy"] = thrown_by(lambda: ask(capital))
    fail_next({"status": 503})
    seen["errors"]["broken"] = thrown_by(lambda: ask(capital))
    fail_next({"hangs": True})
    seen["errors"]["timeout"] = thrown_by(
        lambda: hurried.models.generate_content(model=model, contents=capital)
    )
    return seen


seen = {}
for name, use in (("openai", use_openai), ("anthropic", use_anthropic), ("google", use_google)):
    for model in models:
        try:
            seen[f"{name} {model}"] = use(model)
        except Exception:
            seen[f"{name} {model}"] = {"failed": traceback.format_exc()[-1500:]}
print(json.dumps(seen))
