#!/bin/sh
# Makes what the picture needs and nobody else may have: an authority with one certificate, keys and passwords. Run again,
# it keeps what is there and adds what is missing.
set -eu
umask 077
cd "$(dirname "$0")"
mkdir -p secrets state/front-door
random() { openssl rand -base64 "${1:-24}" | tr '+/' '-_'; }
key() { [ -s "secrets/$1" ] || openssl rand -base64 32 >"secrets/$1"; }

names=DNS:lanyard.localhost,DNS:keycloak.localhost,DNS:agents.localhost,DNS:agent.localhost,DNS:binding.localhost,DNS:localhost,IP:127.0.0.1
if [ ! -s secrets/tls.crt ]; then
  openssl ecparam -name prime256v1 -genkey -noout -out secrets/ca.key
  openssl req -x509 -new -key secrets/ca.key -days 730 -subj "/CN=Lanyard on this machine" -out secrets/ca.crt \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign \
    -addext 'nameConstraints=critical,permitted;DNS:localhost,permitted;IP:127.0.0.0/255.0.0.0'
  openssl ecparam -name prime256v1 -genkey -noout -out secrets/tls.key
  openssl req -new -key secrets/tls.key -subj "/CN=lanyard.localhost" -out secrets/tls.csr
  printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\n' "$names" >secrets/tls.ext
  openssl x509 -req -in secrets/tls.csr -CA secrets/ca.crt -CAkey secrets/ca.key -CAcreateserial -days 700 -extfile secrets/tls.ext -out secrets/tls.crt
  # Nobody signs with the authority again: a browser that trusts it trusts this one certificate.
  rm secrets/ca.key secrets/ca.srl secrets/tls.csr secrets/tls.ext
fi
key root.key  # of the token vault: keep a copy apart from the database's
key state.key # of the agent's conversations
key nonce.key # of the nonces between agent and session binding
[ -s secrets/postgres-password ] || random | tr -d '\n' >secrets/postgres-password
printf 'postgres:5432:lanyard:lanyard:%s\n' "$(cat secrets/postgres-password)" >secrets/pgpass
# The agent calls GitHub and models elsewhere too, so it trusts the public authorities beside this one.
for bundle in /etc/ssl/certs/ca-certificates.crt /etc/ssl/cert.pem /etc/pki/tls/certs/ca-bundle.crt; do
  [ ! -s "$bundle" ] || break
done
cat "$bundle" secrets/ca.crt >secrets/all-ca.crt
touch secrets/agent.aws secrets/session-binding.env # setup.sh fills them

if [ ! -s ../.env ]; then
  {
    echo "# Made by compose/init.sh. Passwords are the developers' own; change what is empty."
    echo "RUN_AS=$(id -u):$(id -g)"
    echo "RUN_UID=$(id -u)"
    for name in KEYCLOAK_ADMIN_PASSWORD FRONT_DOOR_CLIENT_SECRET ALICE_PASSWORD BOB_PASSWORD OBJECTS_SECRET_KEY; do
      echo "$name=$(random 18)"
    done
    echo "# An OAuth or GitHub App of yours; setup.sh prints the callback URL to register there."
    echo "GITHUB_CLIENT_ID="
    echo "GITHUB_CLIENT_SECRET="
    echo "# The model: any server with OpenAI's chat completions (MODEL=openai), or Amazon Bedrock (MODEL=bedrock)."
    echo "MODEL=openai"
    echo "OPENAI_BASE_URL="
    echo "OPENAI_MODEL="
    echo "OPENAI_API_KEY="
    echo "INFERENCE_PROFILE_ID="
    echo "AWS_BEARER_TOKEN_BEDROCK="
  } >../.env
fi
[ -s secrets/front-door-client-secret ] || sed -n 's/^FRONT_DOOR_CLIENT_SECRET=//p' ../.env | tr -d '\n' >secrets/front-door-client-secret
echo "compose/secrets and .env are ready. Fill in the rest of .env, then: docker compose up -d --build --wait lanyard && compose/setup.sh"
