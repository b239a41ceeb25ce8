"""The identity part of the quickstart for tokens of the agent's own: federation is enabled as the toolkit does it, an
agent with a role gets tokens through the decorator, and what its policy does not allow is refused until the policy is
changed, in the very session that was refused."""

import json
import os
import urllib.request

import boto3
import jwt
from botocore.config import Config
from botocore.exceptions import ClientError

from bedrock_agentcore.identity.auth import requires_iam_access_token

from lab import refused, unique

AUDIENCE, OTHER = "https://api.example.com", "https://api2.example.com"
operator_iam = boto3.client("iam")
account = boto3.client("sts").get_caller_identity()["Account"]


def statement(audiences, *, seconds=300, algorithms=("ES384",), actions=("sts:GetWebIdentityToken",)):
    return {
        "Effect": "Allow",
        "Action": list(actions),
        "Resource": "*",
        "Condition": {
            "ForAnyValue:StringEquals": {"sts:IdentityTokenAudience": audiences},
            "NumericLessThanEquals": {"sts:DurationSeconds": seconds},
            "StringEquals": {"sts:SigningAlgorithm": list(algorithms)},
        },
    }


def put_policy(*statements):
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    operator_iam.put_role_policy(RoleName=role, PolicyName="AgentCoreAwsJwtAccess", PolicyDocument=document)


def set_up_aws_jwt():
    """What the toolkit's set-up does: it reads the state, and enables what is not enabled."""
    try:
        info = operator_iam.get_outbound_web_identity_federation_info()
        if info.get("JwtVendingEnabled"):
            return info["IssuerIdentifier"]
    except ClientError as error:
        assert error.response["Error"]["Code"] in ("FeatureDisabled", "FeatureDisabledException"), error
    return operator_iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]


def become(name):
    """Put the credentials of a session of the role where the agent's SDK finds them, and forget the operator's."""
    credentials = boto3.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{account}:role/{name}", RoleSessionName="quickstart"
    )["Credentials"]
    os.environ["AWS_ACCESS_KEY_ID"] = credentials["AccessKeyId"]
    os.environ["AWS_SECRET_ACCESS_KEY"] = credentials["SecretAccessKey"]
    os.environ["AWS_SESSION_TOKEN"] = credentials["SessionToken"]
    boto3.setup_default_session()


def authenticate(audience=(AUDIENCE,), signing_algorithm="ES384", duration_seconds=300, **options):
    """The tool of the quickstart: the decorator puts the token where the tool wants it."""

    @requires_iam_access_token(
        audience=list(audience), signing_algorithm=signing_algorithm, duration_seconds=duration_seconds, **options
    )
    def tool(*, access_token=""):
        return access_token

    return tool()


def external_service(token, audience=AUDIENCE):
    """A service elsewhere, which was told the issuer's URL and its own audience, and nothing else."""
    with urllib.request.urlopen(f"{issuer}/.well-known/openid-configuration", timeout=10) as answer:
        document = json.load(answer)
    key = jwt.PyJWKClient(document["jwks_uri"]).get_signing_key_from_jwt(token)
    return jwt.decode(
        token, key.key, algorithms=document["id_token_signing_alg_values_supported"], audience=audience, issuer=issuer
    )


# An agent's role, which the operator may assume.
role = unique("AgentCoreExecutionRole")
arn = f"arn:aws:iam::{account}:role/{role}"
trust = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    ],
}
operator_iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))
put_policy(statement([AUDIENCE]))

# Federation starts disabled, and says how to enable it; enabling it twice is told apart.
refused("FeatureDisabled", operator_iam.get_outbound_web_identity_federation_info)
operator_sts = boto3.client("sts")
ask = {"Audience": [AUDIENCE], "SigningAlgorithm": "ES384"}
disabled = refused(
    "OutboundWebIdentityFederationDisabledException",
    operator_sts.get_web_identity_token,
    saying="aws iam enable-outbound-web-identity-federation",
    **ask,
)
assert disabled["Error"]["Message"].startswith("FeatureDisabledException"), disabled["Error"]
issuer = set_up_aws_jwt()
assert issuer == set_up_aws_jwt(), "the issuer changed"
refused("FeatureEnabled", operator_iam.enable_outbound_web_identity_federation)

become(role)
claims = external_service(authenticate())
assert claims["aud"] == AUDIENCE and claims["sub"] == arn and claims["exp"] - claims["iat"] == 300, claims
about = claims["https://sts.amazonaws.com/"]
assert about["aws_account"] == account and about["source_region"] == "us-west-2", about
assert "original_session_exp" in about and "request_tags" not in about, about
assert not {"nbf", "org_id"} & set(claims), claims

# What the policy does not allow is refused, and the message names it.
tags = [{"Key": "env", "Value": "prod"}]
refused("AccessDenied", authenticate, saying="sts:GetWebIdentityToken", audience=[OTHER])
refused("AccessDenied", authenticate, saying="sts:GetWebIdentityToken", duration_seconds=600)
refused("AccessDenied", authenticate, saying="sts:GetWebIdentityToken", signing_algorithm="RS256")
refused("AccessDenied", authenticate, saying="sts:TagGetWebIdentityToken", tags=tags)

# The operator relaxes the policy in place, and the same session is allowed.
put_policy(
    statement([AUDIENCE, OTHER], seconds=3600, algorithms=["ES384", "RS256"]),
    {"Effect": "Allow", "Action": "sts:TagGetWebIdentityToken", "Resource": "*"},
)
assert external_service(authenticate(audience=[OTHER]), OTHER)["aud"] == OTHER
several = external_service(authenticate(audience=[AUDIENCE, OTHER], duration_seconds=600, signing_algorithm="RS256", tags=tags), OTHER)
assert several["aud"] == [AUDIENCE, OTHER] and several["exp"] - several["iat"] == 600, several
assert several["https://sts.amazonaws.com/"]["request_tags"] == {"env": "prod"}, several
try:
    external_service(authenticate(audience=[OTHER]), AUDIENCE)
    raise AssertionError("a service accepted a token for another audience")
except jwt.InvalidAudienceError:
    pass

# The service's limits hold whatever the policy says.
sts = boto3.client("sts", config=Config(parameter_validation=False))  # the server has to refuse by itself
for wrong in ({"DurationSeconds": 59}, {"DurationSeconds": 3601}, {"SigningAlgorithm": "HS256"}, {"Audience": ["a"] * 11}):
    refused("ValidationError", sts.get_web_identity_token, **{**ask, **wrong})
refused("SessionDurationEscalationException", sts.get_web_identity_token, **ask, DurationSeconds=3600)
big = [{"Key": f"tag{i:02}", "Value": "v" * 256} for i in range(50)]
refused("JWTPayloadSizeExceededException", sts.get_web_identity_token, **ask, Tags=big)

# Disabled again, nothing is issued, and the decorator says so in its own words.
operator_iam.disable_outbound_web_identity_federation()
refused("OutboundWebIdentityFederationDisabledException", authenticate)
refused("FeatureDisabled", operator_iam.disable_outbound_web_identity_federation)
