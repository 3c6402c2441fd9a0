"""What a bug report needs to know of a machine: versions, devices, caches, optional packages."""

import importlib.metadata
import os
import platform
import time
from pathlib import Path

import kerasgan
from kerasgan.utils import provenance
from kerasgan.utils.files import cache_folder

PACKAGES = ("tensorflow", "keras", "numpy", "tensorflow-datasets", "tensorboard", "pillow", "typer")
SETTINGS = (
    "CUDA_VISIBLE_DEVICES",
    "HF_ENDPOINT",
    "HF_HOME",
    "KERAS_BACKEND",
    "KERASGAN_CACHE",
    "TFDS_DATA_DIR",
    "TF_CONFIG",
    "TF_ENABLE_ONEDNN_OPTS",
    "XLA_FLAGS",
)
FOR_DEVELOPERS = ("dev", "peers", "runtimes", "test")  # extras that only kerasgan's tests need
SECONDS = 2.0  # for measuring the size of one cache


def report():
    """Returns what `kerasgan doctor` prints, as a dict of sections of JSON values.

    TensorFlow need not be importable: the report then says why it is not.
    """
    return {
        "versions": versions(),
        "devices": devices(),
        "caches": {name: cache(path) for name, path in cache_folders().items()},
        "settings": {name: os.environ[name] for name in SETTINGS if name in os.environ},
        "required packages that do not fit": unfit(),
        "optional packages": extras(),
    }


def versions():
    """Returns the versions of kerasgan, Python, the system and packages."""
    commit = provenance.commit()
    return {
        "kerasgan": kerasgan.__version__ + (f", commit {commit}" if commit else ""),
        "Python": platform.python_version(),
        "system": platform.platform(),
        **{name: version_of(name) or "not installed" for name in PACKAGES},
    }


def version_of(package):
    """Returns the version of an installed package, or `None`.

    Example:

    >>> version_of("no-such-package") is None
    True
    """
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def devices():
    """Returns processors, memory, GPUs, and the precision that they compute fastest in."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    about = {
        "processor": processor(),
        "cores": f"{processors or os.cpu_count()} of {os.cpu_count()}",
        "memory": memory(),
    }
    try:
        import tensorflow as tf

        from kerasgan.utils import precision
    except Exception as error:  # a broken installation raises anything
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
        return {**about, "TensorFlow": f"cannot be imported: {reason}"}
    flags = precision.cpu_flags()
    known = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in flags]
    gpus = [gpu(tf, each) for each in tf.config.list_physical_devices("GPU")]
    return {
        **about,
        "instructions": ", ".join(known) or "none of note, or not known",
        "GPUs": "; ".join(gpus) or "none that TensorFlow sees",
        "fastest precision": precision.fastest_policy(),
    }


def processor():
    """Returns the name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def memory():
    """Returns the machine's memory as text."""
    try:
        size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return "not known"
    return f"{size / 1e9:.1f} GB"


def gpu(tf, device):
    """Returns the name and compute capability of a GPU."""
    details = tf.config.experimental.get_device_details(device)
    capability = ".".join(map(str, details.get("compute_capability", ())))
    name = details.get("device_name", device.name)
    return f"{name}, compute capability {capability}" if capability else name


def cache_folders():
    """Returns the folders in which kerasgan and the libraries below it keep downloads, by name."""
    home = Path(os.environ.get("HF_HOME") or "~/.cache/huggingface")
    return {
        "kerasgan": cache_folder(),
        "TFDS": Path(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser(),
        "Hugging Face": home.expanduser(),
    }


def cache(folder):
    """Returns the path and the size of a folder as text.

    Args:
        folder: `pathlib.Path`.

    Example:

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a").write_bytes(bytes(2_000_000))
    >>> cache(folder).removeprefix(f"{folder}, ")
    '0.002 GB'
    """
    if not folder.is_dir():
        return f"{folder}, not there"
    total, until = 0, time.monotonic() + SECONDS
    for place, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except OSError:  # deleted meanwhile
                continue
        if time.monotonic() > until:
            return f"{folder}, more than {total / 1e9:.3f} GB"
    return f"{folder}, {total / 1e9:.3f} GB"


def requirements():
    """Returns kerasgan's requirements as `packaging` reads them; none without its metadata."""
    from packaging.requirements import Requirement

    try:
        return [Requirement(text) for text in importlib.metadata.requires("kerasgan") or ()]
    except importlib.metadata.PackageNotFoundError:
        return []


def unfit():
    """Returns the required packages that are missing or of another version than required."""
    needed = [each for each in requirements() if applies(each, "")]
    problems = {each.name: problem(each) for each in needed}
    return {name: text for name, text in problems.items() if text}


def extras():
    """Returns, for each extra, its packages with their versions, and how to install the missing."""
    try:
        names = importlib.metadata.metadata("kerasgan").get_all("Provides-Extra") or []
    except importlib.metadata.PackageNotFoundError:
        names = []
    found = {}
    for extra in sorted(set(names) - set(FOR_DEVELOPERS)):
        needed = [each for each in requirements() if applies(each, extra) and not applies(each, "")]
        texts = [f"{each.name} {problem(each) or version_of(each.name)}" for each in needed]
        remedy = f': pip install "kerasgan[{extra}]"' if any(map(problem, needed)) else ""
        found[extra] = ", ".join(texts) + remedy
    return found


def applies(requirement, extra):
    """Tells whether a requirement belongs to an extra, on this Python; "" is none."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def problem(requirement):
    """Returns what is wrong with the installed package, or `None`."""
    version = version_of(requirement.name)
    if version is None:
        return "missing"
    fits = requirement.specifier.contains(version, prereleases=True)
    return None if fits else f"{version}, needs {requirement.specifier}"
