"""boto3 with a role's name and a token file, and no key anywhere."""

import os

import boto3

from lab import control_plane, refused, unique

assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} & set(os.environ)
role = os.environ["AWS_ROLE_ARN"].rsplit("/", 1)[1]
who = boto3.client("sts").get_caller_identity()
assert who["Arn"].endswith(f":assumed-role/{role}/{os.environ['AWS_ROLE_SESSION_NAME']}"), who
control = control_plane()
control.create_workload_identity(name=unique("keyless"))
refused("AccessDeniedException", control.list_workload_identities)
refused("AccessDenied", boto3.client("iam").list_roles, saying="iam:ListRoles")
assert boto3.Session().get_credentials().method == "assume-role-with-web-identity"

# Another role, which does not trust the token, stays closed, and the token of somebody else opens nothing.
os.environ["AWS_ROLE_ARN"] += "-absent"
boto3.setup_default_session()
refused("AccessDenied", boto3.client("sts").get_caller_identity)
