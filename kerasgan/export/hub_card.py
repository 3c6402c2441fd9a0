"""Model cards in the Hugging Face Hub's format: YAML that the Hub reads, then the card."""

from kerasgan.export import card, metadata
from kerasgan.signature import Film, Image, Label, Text
from kerasgan.utils.errors import needs

METRIC = "frechet_distance"  # FID only where the metric is called so


def hub_card(about, license=None, pictures=()):
    """Returns a model card with the Hub's YAML above it.

    Args:
        about: dict, as returned by `kerasgan.export.metadata.describe`, with `source`: what
            `kerasgan.load` takes.
        license: The Hub's identifier of the weights' licence, or `None`.
        pictures: Names of the pictures beside the card.

    Returns:
        str.

    Raises:
        UserError: If `huggingface_hub` is not installed.
    """
    needs("huggingface_hub", "hub")
    from huggingface_hub import EvalResult, ModelCardData

    signature, scores = metadata.signature_of(about), about.get("scores", {})
    task = pipeline_tag(signature)
    scored = {}
    if scores:
        result = EvalResult(
            task_type=task or "other",
            dataset_type=scores["dataset"],
            dataset_name=scores["dataset"],
            dataset_split=scores["split"],
            metric_type=metric_type(scores["metric"]),
            metric_name=scores["metric"],
            metric_value=scores["trained"],
        )
        scored = {"metrics": [result.metric_type], "eval_results": [result]}
    data = ModelCardData(
        library_name="kerasgan",
        license=license,
        pipeline_tag=task,
        tags=["gan", "keras", "tensorflow", *dict.fromkeys([about["model"], about["class"]])],
        model_name=about["name"],
        **scored,
    )
    text = card.model_card({**about, "license": license}, pictures)
    return f"---\n{data.to_yaml()}\n---\n\n{text}"


def metric_type(metric):
    """Returns what the Hub calls a metric.

    Example:

    >>> metric_type("FID"), metric_type("FD[lite0]")
    ('fid', 'frechet_distance')
    """
    return "fid" if metric == "FID" else METRIC


def pipeline_tag(signature):
    """Returns the Hub's name for what a model does, or `None` where the Hub has none.

    Args:
        signature: The model's `kerasgan.signature.Signature`.

    Example:

    >>> from kerasgan.signature import Label, Latent, Signature
    >>> pipeline_tag(Signature({"z": Latent(8)}, Image((8, 8, 1))))
    'unconditional-image-generation'
    """
    if not isinstance(signature.output, Image):
        return None
    given, kinds = list(signature.given.values()), signature.inputs.values()
    if any(isinstance(kind, Text) for kind in given):
        return "text-to-image"
    if any(isinstance(kind, Image | Film) for kind in given):
        return "image-to-image"
    conditional = given or any(isinstance(kind, Label) for kind in kinds)
    return None if conditional else "unconditional-image-generation"
