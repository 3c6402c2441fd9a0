"""The clients of export/serving/ against stand-ins for TensorFlow Serving or a live server.

    KERASGAN_SERVING_URL=http://localhost:8501 python -m pytest -m export tests/test_serving.py

tests the server of docker-compose.yml, which serves the zoo, and uses its port 8500 for gRPC.
"""

import importlib
import io
import json
import os
import re
import subprocess
import sys
import urllib.parse
from pathlib import Path

import contract
import keras
import numpy as np
import pytest
from contract import generator_inputs
from PIL import Image

import kerasgan
from kerasgan import DCGAN, BigGAN, ConditionalGAN, export, zoo
from kerasgan.export import card_code
from kerasgan.utils.pixels import to_uint8

SCRIPTS = Path(__file__).parents[1] / "export" / "serving"
LIVE = "KERASGAN_SERVING_URL"


def script(name):
    """Imports a script of export/serving/ in the same way as Python runs it."""
    if str(SCRIPTS) not in sys.path:
        sys.path.insert(0, str(SCRIPTS))
    return importlib.import_module(name)


def test_models_config_lists_the_trained_entries_of_the_zoo():
    maker = script("make_models_config")
    stale = "python export/serving/make_models_config.py writes it anew"
    assert maker.PATH.read_text(encoding="utf-8") == maker.models_config(zoo.names()), stale


@pytest.mark.export
def test_models_config_is_what_the_server_reads():
    from google.protobuf import text_format
    from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

    maker = script("make_models_config")
    text_format.Parse(maker.PATH.read_text(encoding="utf-8"), ModelServerConfig())
    config = text_format.Parse(maker.models_config(["one", "two"]), ModelServerConfig())
    served = [(c.name, c.base_path, c.model_platform) for c in config.model_config_list.config]
    assert served == [
        ("one", "/models/one", "tensorflow"),
        ("two", "/models/two", "tensorflow"),
    ]


@pytest.mark.export
def test_batching_config_is_what_the_server_reads():
    from google.protobuf import (
        descriptor_pb2,
        descriptor_pool,
        message_factory,
        text_format,
        wrappers_pb2,  # noqa: F401  (defines Int64Value)
    )

    # Copied from tensorflow_serving/servables/tensorflow/session_bundle_config.proto, which
    # tensorflow-serving-api does not include.
    file = descriptor_pb2.FileDescriptorProto(
        name="batching.proto", syntax="proto3", dependency=["google/protobuf/wrappers.proto"]
    )
    message = file.message_type.add(name="BatchingParameters")
    names = ("max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads")
    for number, name in enumerate(names, 1):
        message.field.add(
            name=name, number=number, type="TYPE_MESSAGE", type_name=".google.protobuf.Int64Value"
        )
    pool = descriptor_pool.Default()
    parameters = pool.AddSerializedFile(file.SerializeToString()).message_types_by_name[
        "BatchingParameters"
    ]
    text = (SCRIPTS / "batching.config").read_text(encoding="utf-8")
    read = text_format.Parse(text, message_factory.GetMessageClass(parameters)())
    assert all(getattr(read, name).value >= 1 for name in names)


# --- The clients, against stand-ins ---


@pytest.mark.parametrize("form", ["png", "wav"])
def test_samples_are_asked_for_by_what_a_model_makes_and_takes(form):
    class Server(script("client").Client):
        def metadata(self, model):
            taken = {"sample": ["seed", "num"], "text": ["seed", "num", "text"]}
            return {f"{kind}_{form}": {"inputs": taken[kind]} for kind in taken}

        def predict(self, model, inputs, signature):
            return [signature, inputs]

    server = Server("nowhere")
    asked = {"seed": 1, "num": 2}
    assert server.sample_files("made", 1, 2) == ([f"sample_{form}", asked], form)
    said = server.sample_files("made", 1, 2, text=["a heart"])
    assert said == ([f"text_{form}", {**asked, "text": ["a heart"]}], form)


@pytest.fixture(scope="module", params=["dcgan", "cgan", "biggan"])
def served(request, tmp_path_factory):
    """A model, and the addresses of the two stand-ins that serve it."""
    from serving_stand_ins import Models, grpc_server, rest_server

    keras.utils.set_random_seed(0)
    gans = {
        "dcgan": lambda: DCGAN((8, 8, 1), width=4),
        "cgan": lambda: ConditionalGAN((8, 8, 3), num_classes=10, width=60),
        "biggan": lambda: BigGAN((8, 8, 1), num_classes=10, width=2, n_critic=1),
    }
    gan = gans[request.param]()
    folder = export.saved_model(gan, tmp_path_factory.mktemp("served"))
    models = Models({"made": folder})
    with rest_server(models) as url, grpc_server(models) as address:
        yield gan, {"rest": url, "grpc": address}


def clients(addresses):
    """Returns one client per protocol."""
    return (
        script("rest_client").RestClient(addresses["rest"]),
        script("grpc_client").GrpcClient(addresses["grpc"]),
    )


ASKED = {"label": [3], "truncation": [0.7]}


def check_answers(client, name, gan):
    """Checks the answers that every server must give, stand-in or live."""
    refused = script("client").ServingError
    assert any(state == "AVAILABLE" for _, state, _ in client.status(name))

    signatures = client.metadata(name)
    assert set(signatures) == {"serving_default", "sample", "sample_uint8", "sample_png"}
    wanted = signatures["serving_default"]
    assert wanted["inputs"]["z"] == ("DT_FLOAT", (-1, gan.latent_dim))
    assert wanted["outputs"] == {"images": ("DT_FLOAT", (-1, *gan.image_shape))}

    inputs = {key: values.numpy() for key, values in generator_inputs(gan, 3).items()}
    plain = {key: values.tolist() for key, values in inputs.items()}
    expected = gan.generate(*inputs.values()).numpy()
    assert np.abs(np.asarray(client.predict(name, plain)) - expected).max() <= 1e-5

    asked = {key: ASKED[key] for key in signatures["sample_png"]["inputs"] if key in ASKED}
    pixels = to_uint8(gan.sample(4, seed=2, **{key: 4 * each for key, each in asked.items()}))
    files, suffix = client.sample_files(name, seed=2, num=4, **asked)
    assert suffix == "png"
    for file, image in zip(files, pixels, strict=True):
        made = np.asarray(Image.open(io.BytesIO(file))).reshape(gan.image_shape)
        assert np.abs(made.astype(int) - image).max() <= 1

    with pytest.raises(refused, match="`num` must be 1 or more"):
        client.sample_files(name, seed=2, num=0, **asked)
    with pytest.raises(refused, match=f"{name} has no text_png"):
        client.sample_files(name, seed=2, num=1, text=["a"], **asked)
    other = {} if asked else {"label": [3]}
    with pytest.raises(refused, match=f"{name} takes .*num, seed.* Received: .*num, seed"):
        client.sample_files(name, seed=2, num=1, **other)
    with pytest.raises(refused, match="`z` must be finite"):
        client.predict(name, {**plain, "z": [[float("nan")] * gan.latent_dim] * 3})
    with pytest.raises(refused, match="The server refused"):
        client.predict(name, {"zed": plain["z"]})
    with pytest.raises(refused, match="The server refused"):
        client.predict("no_such_model", plain)
    assert np.abs(np.asarray(client.predict(name, plain)) - expected).max() <= 1e-5


@pytest.mark.export
def test_clients_get_the_outputs_of_keras(served):
    gan, addresses = served
    for client in clients(addresses):
        check_answers(client, "made", gan)


@pytest.fixture(scope="module", params=["holes", "frames"])
def translating(request, tmp_path_factory):
    """A model that takes pictures, and the addresses of the two stand-ins that serve it."""
    from foreign.frames import Prediction
    from foreign.holes import Completion
    from serving_stand_ins import Models, grpc_server, rest_server

    gan = {"holes": Completion, "frames": Prediction}[request.param]()
    folder = export.saved_model(gan, tmp_path_factory.mktemp("served"))
    models = Models({"made": folder})
    with rest_server(models) as url, grpc_server(models) as address:
        yield gan, {"rest": url, "grpc": address}


def check_translations(client, name, gan):
    """Checks the answers for a model that takes pictures; returns its inputs and results."""
    from test_picture_requests import files_of, pixels_of, values_of

    signatures = client.metadata(name)
    assert {"serving_default", "uint8", "png"} <= set(signatures)  # a model may add others
    given = {name: values_of(kind, 2) for name, kind in gan.signature.given.items()}
    expected = to_uint8(gan.sample(**{name: values for name, (_, values) in given.items()}))
    files = {name: files_of(pixels).tolist() for name, (pixels, _) in given.items()}
    made = np.stack([pixels_of(file) for file in client.from_pictures(name, files)])
    assert np.abs(made.astype(int) - expected).max() <= 1
    first = next(iter(files))
    with pytest.raises(script("client").ServingError, match="must hold PNG or JPEG files"):
        broken = np.full(np.shape(files[first]), b"no picture", object).tolist()
        client.from_pictures(name, {**files, first: broken})
    return files, expected


@pytest.mark.export
def test_clients_send_picture_files_and_get_those_of_keras(translating, tmp_path, capsys):
    from test_picture_requests import pixels_of

    gan, addresses = translating
    for client in clients(addresses):
        files, expected = check_translations(client, "made", gan)
    options = []
    for name, rows in files.items():
        options += ["--input", name]
        for place, content in enumerate(np.ravel(np.array(rows, object))):
            (tmp_path / f"{name}-{place}.png").write_bytes(content)
            options.append(str(tmp_path / f"{name}-{place}.png"))
    for protocol, address in addresses.items():
        run, folder = command(protocol), tmp_path / protocol
        to = ["made", "--server", address]
        assert run("translate", *to, *options, "--output", str(folder)) == 0, capsys.readouterr()
        made = np.stack([pixels_of(path.read_bytes()) for path in sorted(folder.iterdir())])
        assert np.abs(made.astype(int) - expected).max() <= 1
        assert run("translate", *to, "--input", "photo", options[2]) == 1
        said = capsys.readouterr().err.splitlines()[-1]
        assert f"made takes {', '.join(sorted(files))}. Received: photo" in said
        assert run("translate", *to, *options[:-1]) == 1
        said = capsys.readouterr().err.splitlines()[-1]
        assert "must hold as many values as" in said or "must be films of 3 frames each" in said


@pytest.mark.export
def test_messages_above_grpcs_default_limit_arrive(served):
    gan, addresses = served
    num = 4_500_000 // (4 * int(np.prod(gan.image_shape)))  # gRPC's default limit is 4 MB
    inputs = {key: values.numpy() for key, values in generator_inputs(gan, num).items()}
    _, client = clients(addresses)
    assert len(client.predict("made", inputs)) == num


@pytest.mark.export
@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_the_command_line_writes_what_the_server_answers(served, protocol, tmp_path, capsys):
    gan, addresses = served
    run = command(protocol)
    to = ["made", "--server", addresses[protocol]]
    assert run("status", *to) == 0
    assert capsys.readouterr().out == "made version 1: AVAILABLE\n"
    assert run("metadata", *to) == 0
    assert f"inputs  z            DT_FLOAT (-1, {gan.latent_dim})" in capsys.readouterr().out

    labels = [*(["--label", "1", "2", "3"] if gan.signature.asked else []), *truncation(gan)]
    folder = tmp_path / "samples"
    assert run("sample", *to, "--num", "3", "--output", str(folder), *labels) == 0
    assert capsys.readouterr().out == f"3 samples, seed 0: {folder}\n"
    for path in (folder / f"{i:04}.png" for i in range(3)):
        with Image.open(path) as image:
            assert image.size == (8, 8)

    inputs = {key: values.numpy() for key, values in generator_inputs(gan, 2).items()}
    given, made = tmp_path / "inputs.json", tmp_path / "images.json"
    given.write_text(json.dumps({key: values.tolist() for key, values in inputs.items()}))
    assert run("predict", *to, str(given), str(made)) == 0
    images = np.asarray(json.loads(made.read_text()))
    assert np.abs(images - gan.generate(*inputs.values()).numpy()).max() <= 1e-5


def truncation(gan):
    return ["--truncation", "0.7"] if "truncation" in gan.signature.served else []


def command(protocol):
    """Returns a function that runs a client's command line and returns its exit code."""
    module, client = {"rest": ("rest_client", "RestClient"), "grpc": ("grpc_client", "GrpcClient")}[
        protocol
    ]
    module = script(module)

    def run(*arguments):
        with pytest.raises(SystemExit) as stop:
            script("client").main(getattr(module, client), module.SERVER, list(arguments))
        if isinstance(stop.value.code, str):
            print(stop.value.code, file=sys.stderr)  # as Python does on exit
            return 1
        return stop.value.code

    return run


@pytest.mark.export
@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_the_command_line_reports_mistakes_in_one_line(served, protocol, tmp_path, capsys):
    gan, addresses = served
    run = command(protocol)
    to = ["made", "--server", addresses[protocol]]

    def told(code, *arguments):
        assert run(*arguments) == code
        return capsys.readouterr().err.splitlines()[-1]

    labels = [*(["--label", "1"] if gan.signature.asked else []), *truncation(gan)]
    assert "`num` must be 1 or more" in told(1, "sample", *to, "--num", "0", *labels)
    nowhere = "127.0.0.1:1" if protocol == "grpc" else "http://127.0.0.1:1"
    assert f"No server answers at {nowhere}" in told(1, "status", "made", "--server", nowhere)
    assert "The server refused" in told(1, "status", "unmade", *to[1:])
    missing, broken = tmp_path / "missing.json", tmp_path / "broken.json"
    broken.write_text("[[1, 2]]")
    assert "No such file" in told(2, "predict", *to, str(missing), str(tmp_path / "o.json"))
    assert "must hold inputs by name" in told(1, "predict", *to, str(broken), str(missing))
    broken.write_text('{"z": [["a"]]}')
    assert told(1, "predict", *to, str(broken), str(missing))
    (tmp_path / "file").write_text("")
    assert "exists" in told(2, "sample", *to, *labels, "--output", str(tmp_path / "file"))
    assert not missing.exists()


@pytest.mark.export
def test_a_wrong_url_or_another_kind_of_server_is_reported(capsys):
    import http.server
    import threading

    run = command("rest")
    assert run("status", "made", "--server", "localhost:8501") == 1
    assert "must be a URL such as http://localhost:8501" in capsys.readouterr().err

    class Hello(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Hello) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        assert run("status", "made", "--server", f"http://127.0.0.1:{server.server_port}") == 1
        server.shutdown()
        thread.join()
    assert "is no TensorFlow Serving: HTTP 200" in capsys.readouterr().err


@pytest.mark.export
@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_as_a_script_a_client_says_in_one_line_that_no_server_answers(protocol):
    command = [sys.executable, SCRIPTS / f"{protocol}_client.py", "status", "made"]
    nowhere = "127.0.0.1:1" if protocol == "grpc" else "http://127.0.0.1:1"
    done = subprocess.run([*command, "--server", nowhere], capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{protocol}_client.py: No server answers at {nowhere} (")


@pytest.mark.export
def test_the_rest_client_needs_neither_tensorflow_nor_kerasgan():
    code = "import json, sys, rest_client; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not {"tensorflow", "keras", "kerasgan", "numpy"} & set(json.loads(done.stdout))


# --- A live server ---


@pytest.mark.export
@pytest.mark.skipif(
    LIVE not in os.environ,
    reason=f"no TensorFlow Serving: {LIVE} names none (export/serving/README.md)",
)
def test_a_live_server_answers_for_every_trained_entry_of_the_zoo():
    url = os.environ[LIVE]
    addresses = {"rest": url, "grpc": f"{urllib.parse.urlsplit(url).hostname}:8500"}
    assert zoo.names(), "the zoo has no trained entry"
    for name in zoo.names():
        gan = kerasgan.load(name)
        given, output = gan.signature.given, gan.signature.output
        if len(output.shape) != 3 or any(kind.files is None for kind in given.values()):
            continue  # vectors, sounds, texts: test_runtimes.py loads them without a server
        check = check_translations if given else check_answers
        for client in clients(addresses):
            check(client, name, gan)


STUBS = """
curl() { if [ "$2" = "@-" ]; then cat; else printf '%s' "$2"; fi; }
"""


@pytest.mark.parametrize("model", list(contract.cases()))
def test_requests_on_cards_are_json(model, tmp_path):
    name, arguments = model
    signature = contract.build(name, **arguments).signature
    code = card_code.serving_code("model", signature)
    for file in re.findall(r"\$\(b64 (\S+)\)", code):
        (tmp_path / file).write_bytes(b"PNG")
    command = ["bash", "-e", "-c", STUBS + code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    sent = json.loads(done.stdout)
    assert {*signature.asked} <= {key.removesuffix("_bytes") for key in sent["inputs"]}
    for key, kind in signature.asked.items():
        if len(kind.shape) == 1 and isinstance(sent["inputs"][key][0], list):
            assert np.shape(sent["inputs"][key]) == (1, *kind.shape)
