"""Streams an audio file to a server of speech processors by simulstream's own client; prints what it says.

    python client.py PORT AUDIO SOURCE_LANGUAGE TARGET_LANGUAGE

Prints JSON: {"chunk_s": 0.25, "texts": [...]}, the text after each chunk that brought some.
"""

import json
import sys
from types import SimpleNamespace

import soundfile
from simulstream.server.message_processor import MessageProcessor
from simulstream.server.speech_processors.remote.http_proxy_speech_processor import HttpProxySpeechProcessor

port, file, source_language, target_language = sys.argv[1:]
processor = HttpProxySpeechProcessor(SimpleNamespace(hostname="127.0.0.1", port=int(port)))
client = MessageProcessor(0, processor)
audio, sample_rate = soundfile.read(file, dtype="int16")
client.process_metadata(
    {"sample_rate": sample_rate, "source_lang": source_language, "target_lang": target_language}
)
chunk = int(sample_rate * processor.speech_chunk_size)
outputs = [client.process_speech(audio[i : i + chunk].tobytes()) for i in range(0, len(audio), chunk)]
outputs.append(client.end_of_stream())
texts = [output.new_string for output in outputs if output is not None and output.new_string]
print(json.dumps({"chunk_s": processor.speech_chunk_size, "texts": texts}))
