"""In which words does SageMaker refuse? Each sentence says how it is known."""

from __future__ import annotations

from quire_endpoint.local.own_clients import ACCOUNT


def missing(word: str, arn: str) -> str:
    """Seen: hashicorp/terraform-provider-aws issue 40048, aws/sagemaker-python-sdk issue 101."""
    return f'Could not find {word} "{arn}".'


def existing(word: str, arn: str) -> str:
    """Seen: aws/sagemaker-python-sdk issue 101."""
    return f'Cannot create already existing {word} "{arn}".'


def in_progress(arn: str) -> str:
    """Seen for UpdateEndpoint, UpdateEndpointWeightsAndCapacities and DeleteEndpoint alike."""
    return f'Cannot update in-progress endpoint "{arn}".'


def failed(arn: str) -> str:
    """Seen without its end: TestAccAWSSagemakerEndpoint_update of hashicorp/terraform-provider-aws."""
    return f'Cannot update failed endpoint "{arn}".'


def same_config(config_name: str) -> str:
    """Seen once, in a public deployment script."""
    return f'Cannot update endpoint with the currently in use endpoint configuration "{config_name}".'


def no_variant(variant_name: str, config_name: str) -> str:
    """As moto 5.2.5 has it."""
    return (
        f'The variant name(s) "{variant_name}" is/are not present within endpoint configuration '
        f'"{config_name}".'
    )


def no_volume(instance_type: str) -> str:
    """Seen: autogluon/autogluon-cloud pull request 50; contract 1.5."""
    return f"VolumeSize parameter is not allowed for the selected Instance type {instance_type}"


def no_config_key(instance_type: str) -> str:
    """botocore 1.43.11 documents that the call fails, not with which words; 1.44.5 only that the key does not
    encrypt local disks. The worse is kept."""
    return f"KmsKeyId is not allowed for the selected Instance type {instance_type}"


def no_model_data(uri: str, role_arn: str, region: str) -> str:
    """Seen in public notes on CreateModel; it names the role whatever the reason is."""
    return (
        f'Could not access model data at {uri}. Please ensure that the role "{role_arn}" exists and that its '
        'trust relationship policy allows the action "sts:AssumeRole" for the service principal '
        '"sagemaker.amazonaws.com". Also ensure that the role has "s3:GetObject" permissions and that the '
        f"object is located in {region}. If your Model uses multiple models or uncompressed models, please "
        'ensure that the role has "s3:ListBucket" permission.'
    )


IMAGE_OR_PACKAGE = (
    "Specify one of either Image and Model Data URL or ModelPackageName in container definition."
)
"""Seen in a public script's comment on CreateModel."""

MARKETPLACE = "Marketplace images are not supported when specifying an AsyncInferenceConfig."
"""Seen: aws/sagemaker-python-sdk issue 3969."""

MANAGED_SCALING = "ManagedInstanceScaling is only supported for inference component endpoints."
"""Seen: hashicorp/terraform-provider-aws pull request 45926."""


def no_endpoint(endpoint_name: str) -> str:
    """Of the runtime. Seen: aws/amazon-sagemaker-examples issue 293."""
    return f"Endpoint {endpoint_name} of account {ACCOUNT} not found."


def asynchronous_only(endpoint_name: str) -> str:
    """Seen is the code (strands-agents/harness-sdk issue 1969); the words are ours."""
    return (
        f"Endpoint {endpoint_name} of account {ACCOUNT} is configured with AsyncInferenceConfig: "
        "use InvokeEndpointAsync."
    )


BAD_SIGNATURE = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
    "Access Key and signing method. Consult the service documentation for details."
)
"""As AWS's services answer it."""


def not_served(what: str) -> str:
    """Of what SageMaker has and this endpoint has not, in our own words."""
    return f"The local endpoint does not serve {what}."
