#!/bin/sh
# Registers the agent at the running instance: its workload identity, the credential provider for GitHub, and a user with an
# access key for each of the two services. One asks for tokens and one completes sessions; neither may do both. Safe to run
# again.
#
# LANYARD is how lanyard is run beside the instance's configuration CONFIG; in a container of the picture, unless told.
set -eu
umask 077
cd "$(dirname "$0")/.."
. ./.env
: "${GITHUB_CLIENT_ID:?fill in GITHUB_CLIENT_ID in .env first}" "${GITHUB_CLIENT_SECRET:?fill in GITHUB_CLIENT_SECRET in .env first}"
config=${CONFIG:-/etc/lanyard/lanyard.yaml}
endpoint=${ENDPOINT:-https://lanyard.localhost:8585}
binding=${SESSION_BINDING_URL:-https://agents.localhost:8443/oauth2/session-binding}
lanyard() {
  if [ -n "${LANYARD:-}" ]; then "$LANYARD" "$@"; else
    docker compose run --rm -T --no-deps --workdir /tmp -e AWS_ACCESS_KEY_ID -e AWS_SECRET_ACCESS_KEY -e AWS_REGION -e LANYARD_ENDPOINT -e LANYARD_CLIENT_SECRET -e SSL_CERT_FILE=/secrets/ca.crt lanyard "$@"
  fi
}
admin() { lanyard admin "$@" --config "$config"; }

if [ ! -s compose/secrets/root.env ]; then
  admin bootstrap --again >compose/secrets/new
  mv compose/secrets/new compose/secrets/root.env
fi
. ./compose/secrets/root.env
export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION=us-west-2 LANYARD_ENDPOINT="$endpoint" LANYARD_CLIENT_SECRET="$GITHUB_CLIENT_SECRET"

# allow makes a user that may do these operations and no others, and prints an access key of it.
allow() { # user, operations…
  user=$1
  shift
  admin user create "$user" >&2 || true # there is one already, or the next line says what is wrong
  for operation in "$@"; do
    set -- "$@" --allow "bedrock-agentcore:$operation"
    shift
  done
  admin policy put --user "$user" --name least "$@" >&2
  admin key create --user "$user"
}
# A file is there whole or not at all, so that a run that broke off is made up for by the next.
if [ ! -s compose/secrets/session-binding.env ]; then
  allow session-binding CompleteResourceTokenAuth >compose/secrets/new
  mv compose/secrets/new compose/secrets/session-binding.env
fi
if [ ! -s compose/secrets/agent.aws ]; then
  allow github-agent GetWorkloadAccessTokenForUserId GetResourceOauth2Token >compose/secrets/agent.key
  (
    . ./compose/secrets/agent.key
    printf '[default]\naws_access_key_id = agent\naws_secret_access_key = %s\n' "$OBJECTS_SECRET_KEY"
    printf '[lanyard]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY"
  ) >compose/secrets/new
  mv compose/secrets/new compose/secrets/agent.aws
  rm compose/secrets/agent.key
fi

lanyard identity create-workload-identity --name github-agent --return-urls "$binding" ||
  lanyard identity update-workload-identity --name github-agent --set-return-urls "$binding"
lanyard identity create-credential-provider --name github --type github --client-id "$GITHUB_CLIENT_ID" --replace
if [ -z "${LANYARD:-}" ]; then docker compose exec -T objects mkdir -p /objects/conversations; fi
echo "The agent is registered. Register the callback URL above at GitHub, then: docker compose up -d --wait"
