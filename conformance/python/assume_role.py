"""boto3: sessions of roles. What narrows them, what passes on from one to the next, how long they last, and that nothing
but the three parts that were given out together signs anything."""

import json
from datetime import datetime, timedelta, timezone

import boto3
from botocore.config import Config

from lab import refused, unique

iam, sts = boto3.client("iam"), boto3.client("sts")
account = sts.get_caller_identity()["Account"]


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(*actions, **more):
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}


def trusting(principal, *actions, **more):
    return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": list(actions or ["sts:AssumeRole"]), **more}


def role(prefix, trust, *statements, **more):
    name = unique(prefix)
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust), **more)["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="work", PolicyDocument=document(*statements))
    return arn


def client(service, credentials, **more):
    return boto3.client(
        service,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=more.pop("token", credentials["SessionToken"]),
        **more,
    )


def assume(arn, by=sts, session="one", **more):
    return by.assume_role(RoleArn=arn, RoleSessionName=session, **more)


def name_of(arn):
    return arn.rsplit("/", 1)[1]


def lasts(answer, seconds):
    left = answer["Credentials"]["Expiration"] - datetime.now(timezone.utc)
    return abs(left - timedelta(seconds=seconds)) < timedelta(seconds=30)


root = f"arn:aws:iam::{account}:root"
everything = "sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"


def sessions():
    arn = role("Plain", trusting(root), allow("bedrock-agentcore:*"), MaxSessionDuration=7200)
    answer = assume(arn)
    credentials, user = answer["Credentials"], answer["AssumedRoleUser"]
    assert credentials["AccessKeyId"].startswith("ASIA") and lasts(answer, 3600), answer["AssumedRoleUser"]
    assert user["Arn"] == f"arn:aws:sts::{account}:assumed-role/{name_of(arn)}/one", user
    who = client("sts", credentials).get_caller_identity()
    assert (who["Arn"], who["UserId"], who["Account"]) == (user["Arn"], user["AssumedRoleId"], account), who
    client("bedrock-agentcore-control", credentials).list_workload_identities()
    refused("AccessDenied", client("iam", credentials).list_users, saying="iam:ListUsers")

    assert lasts(assume(arn, DurationSeconds=900), 900) and lasts(assume(arn, DurationSeconds=7200), 7200)
    refused("ValidationError", assume, saying="MaxSessionDuration", arn=arn, DurationSeconds=7201)
    careless = boto3.client("sts", config=Config(parameter_validation=False))
    for wrong in ({"DurationSeconds": 899}, {"DurationSeconds": 43201}, {"session": "x"}, {"session": "has space"}, {"session": "x" * 65}):
        refused("ValidationError", assume, arn=arn, by=careless, **wrong)
    refused("AccessDenied", assume, saying="sts:AssumeRole", arn=f"arn:aws:iam::{account}:role/{unique('absent')}")
    other = f"arn:aws:iam::{int(account) + 1:012}:role/{name_of(arn)}"
    refused("AccessDenied", assume, saying="sts:AssumeRole", arn=other)


def session_policies():
    arn = role("Wide", trusting(root), allow("bedrock-agentcore:*"))
    narrow = assume(arn, Policy=document(allow("bedrock-agentcore:List*", "iam:*")))
    assert 0 < narrow["PackedPolicySize"] <= 100, narrow["PackedPolicySize"]
    control = client("bedrock-agentcore-control", narrow["Credentials"])
    control.list_workload_identities()
    refused("AccessDeniedException", control.create_workload_identity, name=unique("agent"))
    refused("AccessDenied", client("iam", narrow["Credentials"]).list_users)  # a session policy gives nothing

    policy = iam.create_policy(PolicyName=unique("Narrow"), PolicyDocument=document(allow("bedrock-agentcore:Create*")))["Policy"]["Arn"]
    managed = client("bedrock-agentcore-control", assume(arn, PolicyArns=[{"arn": policy}])["Credentials"])
    managed.create_workload_identity(name=unique("agent"))
    refused("AccessDeniedException", managed.list_workload_identities)

    refused("MalformedPolicyDocument", assume, arn=arn, Policy='{"Statement": "none"}')
    roomy = allow("bedrock-agentcore:" + "x" * 2100)
    refused("PackedPolicyTooLarge", assume, arn=arn, Policy=document(roomy))


def tags():
    tagged = {"StringEquals": {"aws:PrincipalTag/team": "agents"}}
    arn = role("Tagged", trusting(root, *everything), allow("bedrock-agentcore:*", Condition=tagged))
    team = [{"Key": "team", "Value": "agents"}]
    refused("AccessDeniedException", client("bedrock-agentcore-control", assume(arn)["Credentials"]).list_workload_identities)
    wrong = assume(arn, Tags=[{"Key": "team", "Value": "others"}])["Credentials"]
    refused("AccessDeniedException", client("bedrock-agentcore-control", wrong).list_workload_identities)
    client("bedrock-agentcore-control", assume(arn, Tags=team)["Credentials"]).list_workload_identities()

    # Who may assume may not tag, unless the trust says so, and only as it says.
    untagged = role("Untagged", trusting(root))
    iam.put_role_policy(RoleName=name_of(arn), PolicyName="chain", PolicyDocument=document(allow("sts:AssumeRole")))
    agent = client("sts", assume(arn)["Credentials"])
    assume(untagged, by=agent)
    refused("AccessDenied", assume, saying="sts:TagSession", arn=untagged, by=agent, Tags=team)
    refused("ValidationError", assume, arn=arn, Tags=[*team, {"Key": "TEAM", "Value": "x"}])
    refused("ValidationError", assume, arn=arn, Tags=team, TransitiveTagKeys=["absent"])


def external_id():
    arn = role("External", trusting(root, Condition={"StringEquals": {"sts:ExternalId": "the-right-one"}}))
    refused("AccessDenied", assume, arn=arn)
    refused("AccessDenied", assume, arn=arn, ExternalId="the-wrong-one")
    assume(arn, ExternalId="the-right-one")


def chaining():
    first = role("First", trusting(root, *everything), allow(*everything), MaxSessionDuration=43200)
    second = role("Second", trusting(first, *everything), MaxSessionDuration=43200)
    refused("AccessDenied", assume, arn=second)  # the operator is not the first role
    answer = assume(first, Tags=[{"Key": "team", "Value": "agents"}], TransitiveTagKeys=["team"], SourceIdentity="alice")
    agent = client("sts", answer["Credentials"])
    chained = assume(second, by=agent, session="two")
    assert chained["SourceIdentity"] == "alice" and lasts(chained, 3600), chained["AssumedRoleUser"]
    refused("ValidationError", assume, saying="1 hour", arn=second, by=agent, DurationSeconds=3601)
    refused("ValidationError", assume, saying="team", arn=second, by=agent, Tags=[{"Key": "team", "Value": "others"}])
    refused("ValidationError", assume, saying="alice", arn=second, by=agent, SourceIdentity="mallory")
    tagged = {"StringEquals": {"aws:PrincipalTag/team": "agents"}}
    iam.put_role_policy(RoleName=name_of(second), PolicyName="work", PolicyDocument=document(allow("iam:ListRoles", Condition=tagged)))
    client("iam", chained["Credentials"]).list_roles(MaxItems=1)

    # A role that was deleted and made again under its name is another one (A59).
    iam.delete_role_policy(RoleName=name_of(first), PolicyName="work")
    iam.delete_role(RoleName=name_of(first))
    refused("InvalidClientTokenId", agent.get_caller_identity)
    iam.create_role(RoleName=name_of(first), AssumeRolePolicyDocument=document(trusting(root, *everything)))
    iam.put_role_policy(RoleName=name_of(first), PolicyName="work", PolicyDocument=document(allow(*everything)))
    refused("InvalidClientTokenId", agent.get_caller_identity)
    refused("AccessDenied", assume, arn=second, by=client("sts", assume(first)["Credentials"]))


def altered_tokens():
    """A26: the parts of temporary credentials sign together or not at all."""
    arn = role("Altered", trusting(root), allow("bedrock-agentcore:*"))
    mine, others = assume(arn)["Credentials"], assume(arn, session="two")["Credentials"]
    token = mine["SessionToken"]

    def flipped(at):
        return token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]

    forged = [others["SessionToken"], token[:-8], token + "AAAA", token.swapcase(), "not-a-token"]
    forged += [flipped(at) for at in range(0, len(token), max(1, len(token) // 16))]
    codes = set()
    for wrong in forged:
        answer = refused_any(client("sts", mine, token=wrong).get_caller_identity)
        codes.add(answer["Error"]["Code"])
    assert codes <= {"InvalidClientTokenId", "SignatureDoesNotMatch"}, codes
    refused("InvalidClientTokenId", client("sts", mine, token=None).get_caller_identity)
    for service, call in (("iam", "list_users"), ("bedrock-agentcore-control", "list_workload_identities")):
        refused_any(getattr(client(service, mine, token=flipped(40)), call))
    client("sts", mine).get_caller_identity()


def refused_any(call):
    try:
        call()
    except sts.exceptions.ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403, error
        return error.response
    raise AssertionError("an altered session token was accepted")


sessions()
session_policies()
tags()
external_id()
chaining()
altered_tokens()
