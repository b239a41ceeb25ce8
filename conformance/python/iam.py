"""boto3 over IAM: users and their keys, roles and trust, policies of both kinds, attachments, OIDC providers, tags, what
simulation says, pages, and every refusal as the class that botocore makes of it."""

import json

import boto3
from botocore.config import Config

from lab import refused, unique

iam, sts = boto3.client("iam"), boto3.client("sts")
account = sts.get_caller_identity()["Account"]
fails = iam.exceptions


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(*actions, resource="*", **more):
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def trust(principal, action="sts:AssumeRole", **more):
    return document({"Effect": "Allow", "Principal": principal, "Action": action, **more})


def raises(exception, call, *, saying="", **kwargs):
    """The call must raise this very class of botocore's, and say why."""
    try:
        call(**kwargs)
    except exception as error:
        assert saying in error.response["Error"]["Message"], f"{error} does not say {saying!r}"
        return
    raise AssertionError(f"{call.__name__} was answered instead of refused with {exception.__name__}")


def caller(key):
    return boto3.client("sts", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])


def users_and_keys():
    name = unique("Agent")
    user = iam.create_user(UserName=name, Path="/agents/", Tags=[{"Key": "Team", "Value": "one"}])["User"]
    assert user["Arn"] == f"arn:aws:iam::{account}:user/agents/{name}" and user["UserId"].startswith("AIDA"), user
    raises(fails.EntityAlreadyExistsException, iam.create_user, UserName=name)
    raises(fails.NoSuchEntityException, iam.get_user, UserName=unique("absent"))
    assert iam.get_user(UserName=name)["User"]["CreateDate"] == user["CreateDate"]
    refused("ValidationError", iam.create_user, UserName="has space")

    first = iam.create_access_key(UserName=name)["AccessKey"]
    assert first["Status"] == "Active" and first["AccessKeyId"].startswith("AKIA"), first["AccessKeyId"]
    second = iam.create_access_key(UserName=name)["AccessKey"]
    raises(fails.LimitExceededException, iam.create_access_key, UserName=name)
    listed = iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
    assert {k["AccessKeyId"] for k in listed} == {first["AccessKeyId"], second["AccessKeyId"]}
    assert all("SecretAccessKey" not in k for k in listed)

    unused = iam.get_access_key_last_used(AccessKeyId=second["AccessKeyId"])
    assert unused["UserName"] == name and "LastUsedDate" not in unused["AccessKeyLastUsed"], unused
    assert caller(first).get_caller_identity()["Arn"] == user["Arn"]
    used = iam.get_access_key_last_used(AccessKeyId=first["AccessKeyId"])["AccessKeyLastUsed"]
    assert used["ServiceName"] == "sts" and "LastUsedDate" in used, used

    iam.update_access_key(UserName=name, AccessKeyId=first["AccessKeyId"], Status="Inactive")
    refused("InvalidClientTokenId", caller(first).get_caller_identity)
    iam.update_access_key(UserName=name, AccessKeyId=first["AccessKeyId"], Status="Active")
    caller(first).get_caller_identity()
    iam.delete_access_key(UserName=name, AccessKeyId=first["AccessKeyId"])
    refused("InvalidClientTokenId", caller(first).get_caller_identity)
    raises(fails.NoSuchEntityException, iam.delete_access_key, UserName=name, AccessKeyId=first["AccessKeyId"])

    # A user without rights may ask who it is, and no more.
    poor = boto3.client("iam", aws_access_key_id=second["AccessKeyId"], aws_secret_access_key=second["SecretAccessKey"])
    refused("AccessDenied", poor.create_user, saying="iam:CreateUser", UserName=unique("other"))

    refused("ValidationError", iam.update_user, saying="CreateUser", UserName=name, NewUserName=unique("Renamed"))
    iam.update_user(UserName=name, NewPath="/people/")
    assert iam.get_user(UserName=name)["User"]["Arn"] == f"arn:aws:iam::{account}:user/people/{name}"
    iam.tag_user(UserName=name, Tags=[{"Key": "Team", "Value": "two"}, {"Key": "Cost", "Value": "7"}])
    iam.untag_user(UserName=name, TagKeys=["Cost"])
    assert iam.list_user_tags(UserName=name)["Tags"] == [{"Key": "Team", "Value": "two"}]
    raises(fails.DeleteConflictException, iam.delete_user, UserName=name)
    iam.delete_access_key(UserName=name, AccessKeyId=second["AccessKeyId"])
    iam.delete_user(UserName=name)
    raises(fails.NoSuchEntityException, iam.get_user, UserName=name)


def pages():
    path = f"/{unique('pages')}/"
    names = sorted(unique("Page") for _ in range(5))
    for name in names:
        iam.create_user(UserName=name, Path=path)
        iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{account}:root"}))
        iam.create_policy(PolicyName=name, Path=path, PolicyDocument=document(allow("sts:GetCallerIdentity")))
    for operation, items, member in (("list_users", "Users", "UserName"), ("list_roles", "Roles", "RoleName"), ("list_policies", "Policies", "PolicyName")):
        got = [list(page[items]) for page in iam.get_paginator(operation).paginate(PathPrefix=path, PaginationConfig={"PageSize": 2})]
        assert [len(page) for page in got] == [2, 2, 1], (operation, got)
        assert sorted(i[member] for page in got for i in page) == names, (operation, got)
    first = iam.list_users(PathPrefix=path, MaxItems=2)
    assert first["IsTruncated"] and first["Marker"]
    refused("ValidationError", iam.list_users, PathPrefix=path, Marker="not-a-marker")
    assert iam.list_users(PathPrefix="/nothing-here/")["Users"] == []
    for name in names:
        iam.delete_user(UserName=name)
        iam.delete_role(RoleName=name)
        iam.delete_policy(PolicyArn=f"arn:aws:iam::{account}:policy{path}{name}")


def roles():
    name = unique("Role")
    to_account = trust({"AWS": f"arn:aws:iam::{account}:root"})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=to_account, Description="an agent", MaxSessionDuration=7200)["Role"]
    assert role["Arn"] == f"arn:aws:iam::{account}:role/{name}" and role["RoleId"].startswith("AROA"), role
    assert role["AssumeRolePolicyDocument"] == json.loads(to_account), role
    raises(fails.EntityAlreadyExistsException, iam.create_role, RoleName=name, AssumeRolePolicyDocument=to_account)
    for wrong in ("{", "[]", document(allow("sts:AssumeRole")), trust({"AWS": f"arn:aws:iam::{account}:role/{unique('absent')}"})):
        raises(fails.MalformedPolicyDocumentException, iam.create_role, RoleName=unique("Wrong"), AssumeRolePolicyDocument=wrong)

    def assume(session="one"):
        return sts.assume_role(RoleArn=role["Arn"], RoleSessionName=session)["AssumedRoleUser"]["Arn"]

    assert assume() == f"arn:aws:sts::{account}:assumed-role/{name}/one"
    nobody = trust({"AWS": f"arn:aws:iam::{account}:root"}, Condition={"StringEquals": {"sts:ExternalId": "never-sent"}})
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=nobody)
    refused("AccessDenied", assume, saying="sts:AssumeRole")
    raises(fails.MalformedPolicyDocumentException, iam.update_assume_role_policy, RoleName=name, PolicyDocument=document(allow("*")))
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=to_account)
    assume()

    iam.update_role(RoleName=name, Description="changed", MaxSessionDuration=3600)
    got = iam.get_role(RoleName=name)["Role"]
    assert (got["Description"], got["MaxSessionDuration"], got["RoleId"]) == ("changed", 3600, role["RoleId"]), got
    iam.tag_role(RoleName=name, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    assert len(iam.list_role_tags(RoleName=name)["Tags"]) == 2
    iam.untag_role(RoleName=name, TagKeys=["a", "never-there"])
    assert iam.list_role_tags(RoleName=name)["Tags"] == [{"Key": "b", "Value": ""}]

    # Inline policies.
    policy = document(allow("bedrock-agentcore:*"))
    iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=policy)
    assert iam.get_role_policy(RoleName=name, PolicyName="inline")["PolicyDocument"] == json.loads(policy)
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["inline"]
    raises(fails.NoSuchEntityException, iam.get_role_policy, RoleName=name, PolicyName="absent")
    raises(fails.MalformedPolicyDocumentException, iam.put_role_policy, RoleName=name, PolicyName="bad", PolicyDocument='{"Statement": 1}')
    raises(fails.DeleteConflictException, iam.delete_role, RoleName=name)
    iam.delete_role_policy(RoleName=name, PolicyName="inline")
    iam.delete_role(RoleName=name)
    raises(fails.NoSuchEntityException, iam.delete_role, RoleName=name)


def managed_policies():
    name = unique("Policy")
    one, two = document(allow("bedrock-agentcore:Get*")), document(allow("bedrock-agentcore:List*"))
    policy = iam.create_policy(PolicyName=name, PolicyDocument=one, Description="reads", Tags=[{"Key": "k", "Value": "v"}])["Policy"]
    arn = policy["Arn"]
    assert arn == f"arn:aws:iam::{account}:policy/{name}" and policy["PolicyId"].startswith("ANPA"), policy
    assert policy["DefaultVersionId"] == "v1" and policy["AttachmentCount"] == 0, policy
    raises(fails.EntityAlreadyExistsException, iam.create_policy, PolicyName=name, PolicyDocument=one)
    raises(fails.MalformedPolicyDocumentException, iam.create_policy, PolicyName=unique("Bad"), PolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Maybe"}]}')

    version = iam.create_policy_version(PolicyArn=arn, PolicyDocument=two, SetAsDefault=True)["PolicyVersion"]
    assert version["VersionId"] == "v2" and version["IsDefaultVersion"], version
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"] == json.loads(one)
    for _ in range(3):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=one)
    raises(fails.LimitExceededException, iam.create_policy_version, PolicyArn=arn, PolicyDocument=one)
    raises(fails.DeleteConflictException, iam.delete_policy_version, PolicyArn=arn, VersionId="v2")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v5")
    assert iam.create_policy_version(PolicyArn=arn, PolicyDocument=one)["PolicyVersion"]["VersionId"] == "v6", "a number came back"
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v1"
    assert [v["VersionId"] for v in iam.list_policy_versions(PolicyArn=arn)["Versions"] if v["IsDefaultVersion"]] == ["v1"]

    user, role = unique("Attached"), unique("Attached")
    iam.create_user(UserName=user)
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{account}:root"}))
    iam.attach_user_policy(UserName=user, PolicyArn=arn)
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)  # once more changes nothing
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == [{"PolicyName": name, "PolicyArn": arn}]
    assert iam.list_attached_user_policies(UserName=user)["AttachedPolicies"] == [{"PolicyName": name, "PolicyArn": arn}]
    entities = iam.list_entities_for_policy(PolicyArn=arn)
    assert [u["UserName"] for u in entities["PolicyUsers"]] == [user] and [r["RoleName"] for r in entities["PolicyRoles"]] == [role]
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 2
    raises(fails.NoSuchEntityException, iam.attach_role_policy, RoleName=role, PolicyArn=f"{arn}-absent")
    raises(fails.DeleteConflictException, iam.delete_policy, PolicyArn=arn)

    simulated(user, role)
    iam.detach_user_policy(UserName=user, PolicyArn=arn)
    iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    raises(fails.NoSuchEntityException, iam.detach_role_policy, RoleName=role, PolicyArn=arn)
    raises(fails.DeleteConflictException, iam.delete_policy, PolicyArn=arn)  # it has versions beside the default one
    for v in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
        if not v["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=arn, VersionId=v["VersionId"])
    iam.delete_policy(PolicyArn=arn)
    raises(fails.NoSuchEntityException, iam.get_policy, PolicyArn=arn)
    iam.delete_user(UserName=user)
    iam.delete_role(RoleName=role)


def simulated(user, role):
    """What simulation says of principals to whom a policy for bedrock-agentcore:Get* is attached."""
    user_arn, role_arn = f"arn:aws:iam::{account}:user/{user}", f"arn:aws:iam::{account}:role/{role}"
    conditional = allow("sts:GetWebIdentityToken", Condition={"StringEquals": {"sts:SigningAlgorithm": "ES384"}})
    deny = {"Effect": "Deny", "Action": "bedrock-agentcore:GetResourceApiKey", "Resource": "*"}
    iam.put_user_policy(UserName=user, PolicyName="inline", PolicyDocument=document(conditional, deny))

    def decisions(arn=user_arn, **more):
        actions = ["bedrock-agentcore:GetTokenVault", "bedrock-agentcore:GetResourceApiKey", "sts:GetWebIdentityToken", "iam:CreateUser"]
        results = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=actions, **more)["EvaluationResults"]
        assert [r["EvalActionName"] for r in results] == actions, results
        return [r["EvalDecision"] for r in results]

    assert decisions() == ["allowed", "explicitDeny", "implicitDeny", "implicitDeny"], decisions()
    es384 = [{"ContextKeyName": "sts:SigningAlgorithm", "ContextKeyValues": ["ES384"], "ContextKeyType": "string"}]
    assert decisions(ContextEntries=es384)[2] == "allowed"
    assert decisions(role_arn) == ["allowed", "allowed", "implicitDeny", "implicitDeny"], decisions(role_arn)
    keys = iam.get_context_keys_for_principal_policy(PolicySourceArn=user_arn)["ContextKeyNames"]
    assert [k.lower() for k in keys] == ["sts:signingalgorithm"], keys
    custom = iam.simulate_custom_policy(PolicyInputList=[document(allow("iam:Get*"))], ActionNames=["iam:GetUser", "iam:PutUserPolicy"])
    assert [r["EvalDecision"] for r in custom["EvaluationResults"]] == ["allowed", "implicitDeny"], custom
    raises(fails.NoSuchEntityException, iam.simulate_principal_policy, PolicySourceArn=f"{user_arn}-absent", ActionNames=["iam:GetUser"])
    iam.delete_user_policy(UserName=user, PolicyName="inline")


def oidc_providers():
    host = f"{unique('issuer')}.example.com"
    arn = iam.create_open_id_connect_provider(Url=f"https://{host}/id/1", ClientIDList=["one"], ThumbprintList=["a" * 40])["OpenIDConnectProviderArn"]
    assert arn == f"arn:aws:iam::{account}:oidc-provider/{host}/id/1", arn
    raises(fails.EntityAlreadyExistsException, iam.create_open_id_connect_provider, Url=f"https://{host}/id/1")
    for url in ("http://example.com", "ftp://example.com", "https://user@example.com", "https://example.com/?q=1", "https://example.com/#f"):
        refused("ValidationError", iam.create_open_id_connect_provider, Url=url)
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="two")
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="two")
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="one")
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["b" * 40])
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=[{"Key": "k", "Value": "v"}])
    got = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (got["Url"], got["ClientIDList"], got["ThumbprintList"]) == (f"{host}/id/1", ["two"], ["b" * 40]), got
    assert got["Tags"] == [{"Key": "k", "Value": "v"}] == iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn)["Tags"]
    assert arn in [p["Arn"] for p in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    raises(fails.NoSuchEntityException, iam.get_open_id_connect_provider, OpenIDConnectProviderArn=arn)


def strangers():
    """Who signs wrongly is refused before anything is looked at."""
    key = boto3.Session().get_credentials()
    wrong = boto3.client("iam", aws_access_key_id=key.access_key, aws_secret_access_key="wrong", config=Config(retries={"max_attempts": 1}))
    refused("SignatureDoesNotMatch", wrong.list_users)
    unknown = boto3.client("iam", aws_access_key_id="AKIA" + "A" * 16, aws_secret_access_key="wrong")
    refused("InvalidClientTokenId", unknown.list_users)


users_and_keys()
pages()
roles()
managed_policies()
oidc_providers()
strangers()
