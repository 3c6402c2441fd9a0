"""Code on model cards: how to load a generator in Keras, TensorFlow Serving and LiteRT."""

from kerasgan.export import metadata

MANY = 9  # numbers of a vector that a request is not written out for


def usage(about):
    """Returns Markdown with code for Keras, TensorFlow Serving and LiteRT."""
    name = about.get("name", "MODEL")
    source = about.get("source", name)  # such as "hf://user/name"
    signature = metadata.signature_of(about)
    known = "" if "name" in about else " `MODEL` stands for where it is.\n"
    return f"""{known}
```python
{keras_code(source, signature)}
```

TensorFlow Serving, after `kerasgan export {source} --format saved_model --output served/{name}`:

```sh
{serving_code(name, signature)}
```

LiteRT, after `kerasgan export {source} --format tflite --output {name}.tflite`:

```python
{litert_code(name, signature)}
```""".strip()


def keras_code(name, signature):
    """Returns code that draws samples with Keras."""
    read = {key for key, kind in signature.asked.items() if kind.files is not None}
    num = "N" if read else 4
    arguments = [] if read else ["4"]
    for key, kind in signature.asked.items():
        value = f'"{kind.path(key)}"' if key in read else kind.spoken(num)
        arguments.append(f"{key}={value}")
    if offers_truncation(signature):
        arguments.append("truncation=1.0")
    if signature.seeded:
        arguments.append("seed=0")
    shape = ", ".join(map(str, (num, *signature.output.shape)))
    return f"""import kerasgan

gan = kerasgan.load("{name}")
samples = gan.sample({", ".join(arguments)})  # float32 ({shape})"""


def offers_truncation(signature):
    return "truncation" in signature.served and "truncation" not in signature.asked


def serving_code(name, signature):
    """Returns a request to TensorFlow Serving: of files if the model takes pictures alone."""
    url = f"http://localhost:8501/v1/models/{name}:predict"
    asked, forms = signature.asked, list(signature.output.endpoints())
    seed = {"seed": "0"} if signature.seeded else {}
    if asked and "png" in forms and all(kind.files is not None for kind in asked.values()):
        files = {f"{key}_bytes": f"[{files_code(key, kind)}]" for key, kind in asked.items()}
        return f"""b64() {{ printf '{{"b64": "%s"}}' "$(base64 < "$1" | tr -d '\\n')"; }}
curl -d @- {url} <<END
{request("png", {**seed, **files})}
END"""
    values = {key: in_json(kind) for key, kind in asked.items()}
    if offers_truncation(signature):
        values["truncation"] = "[1.0]"
    said = any(kind.spoken() != kind.literal() for kind in asked.values())
    endpoint = "_".join(["text" if said else "sample", *forms[-1:]]) if seed else "serving_default"
    body = request(endpoint, {**seed, **({"num": "4"} if seed else {}), **values})
    if "$(zeros" not in body:
        return f"curl -d '{body}' \\\n    {url}"
    return f"""zeros() {{ printf '0.0, %.0s' $(seq 2 "$1"); printf 0.0; }}
curl -d @- {url} <<END
{body}
END"""


def in_json(kind):
    """Returns one value in JSON; that of a vector with shell code for its zeros."""
    if len(kind.shape) == 1 and kind.spoken() == kind.literal():
        if kind.shape[0] < MANY:
            return f"[{[0.0] * kind.shape[0]}]"
        return f"[[$(zeros {kind.shape[0]})]]"
    return kind.spoken()


def request(endpoint, inputs):
    """Returns a request in JSON, of inputs whose values are JSON."""
    listed = ", ".join(f'"{key}": {value}' for key, value in inputs.items())
    return f'{{"signature_name": "{endpoint}", "inputs": {{{listed}}}}}'


def files_code(name, kind):
    """Returns shell code for the files of one value of an input."""
    if not kind.files:
        return f"$(b64 {name}.png)"
    (frames,) = kind.files
    return "[" + ", ".join(f"$(b64 frame_{i}.png)" for i in range(frames)) + "]"


READ = """

def read(file, mode, size):
    picture = ImageOps.fit(Image.open(file).convert(mode), size)
    return np.float32(picture).reshape(1, *size[::-1], -1)
"""


def litert_code(name, signature):
    """Returns code that makes one sample with LiteRT."""
    seeds = {key: kind for key, kind in signature.inputs.items() if kind.seeded}
    read = {key: kind for key, kind in signature.asked.items() if kind.files is not None}
    calls = [f"{key}={key}" for key in (*seeds, *read)]
    calls += [
        f"{key}=np.{kind.dtype.name}({kind.literal()})"
        for key, kind in signature.asked.items()
        if key not in read
    ]
    lines = [
        "import numpy as np",
        "from ai_edge_litert.interpreter import Interpreter",
        *(["from PIL import Image, ImageOps"] if read else []),
        *([READ] if read else []),
        "",
        f'run = Interpreter("{name}.tflite").get_signature_runner("serving_default")',
        *(["random = np.random.default_rng(0)"] if seeds else []),
        *(kind.numpy_draw(key) for key, kind in seeds.items()),
        *(kind.numpy_read(key) for key, kind in read.items()),
    ]
    lines += [
        f'# {key}: kerasgan.load("{name}").encoder({kind.spoken()}) makes such numbers of a text'
        for key, kind in signature.asked.items()
        if getattr(kind, "encoder", None) is not None
    ]
    made = signature.output.tensor
    lines.append(f'{made} = run({", ".join(calls)})["{made}"]  # one sample')
    return "\n".join(lines)
