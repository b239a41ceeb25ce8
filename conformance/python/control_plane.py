"""boto3: the fifteen control operations with pagination, exceptions and what they promise about secrets."""

import datetime
import json

from lab import Provider, control_plane, refused, unique

control = control_plane()
provider = Provider()


def names(operation, key, page_size):
    """All names of a list, by the SDK's paginator."""
    found = []
    for page in control.get_paginator(operation).paginate(PaginationConfig={"PageSize": page_size}):
        assert len(page[key]) <= page_size, f"a page of {operation} has {len(page[key])} items"
        found += [item["name"] for item in page[key]]
    return found


def check_times(answer):
    now = datetime.datetime.now(datetime.timezone.utc)
    for field in ("createdTime", "lastUpdatedTime"):
        assert abs(now - answer[field]) < datetime.timedelta(minutes=5), f"{field} is {answer[field]}"
    assert answer["createdTime"] <= answer["lastUpdatedTime"]


def check_listed(operation, key, created, page_size):
    found = names(operation, key, page_size)
    for name in created:
        assert found.count(name) == 1, f"{operation} lists {name} {found.count(name)} times"


def field_refused(call, field, **kwargs):
    """A ValidationException that names the field."""
    response = refused("ValidationException", call, **kwargs)
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert response["reason"] == "FieldValidationFailed", response
    assert field in json.dumps(response["fieldList"]), f"{response['fieldList']} does not name {field}"


def workload_identities():
    name = unique("workload")
    urls = ["https://app.example.com/back", "http://localhost:8081/oauth2/callback"]
    created = control.create_workload_identity(
        name=name, allowedResourceOauth2ReturnUrls=urls, tags={"team": "conformance"}
    )
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert created["name"] == name and created["allowedResourceOauth2ReturnUrls"] == urls
    assert created["workloadIdentityArn"].endswith(f":workload-identity-directory/default/workload-identity/{name}")
    duplicate = refused("ValidationException", control.create_workload_identity, name=name)
    assert duplicate["reason"] == "ResourceConflict", duplicate

    got = control.get_workload_identity(name=name)
    assert got["workloadIdentityArn"] == created["workloadIdentityArn"]
    assert got["allowedResourceOauth2ReturnUrls"] == urls
    check_times(got)

    updated = control.update_workload_identity(name=name, allowedResourceOauth2ReturnUrls=urls[:1])
    assert updated["allowedResourceOauth2ReturnUrls"] == urls[:1], "an update replaces the whole list"
    control.update_workload_identity(name=name, allowedResourceOauth2ReturnUrls=[])
    assert control.get_workload_identity(name=name)["allowedResourceOauth2ReturnUrls"] == []

    more = [name] + [control.create_workload_identity(name=unique("page"))["name"] for _ in range(6)]
    check_listed("list_workload_identities", "workloadIdentities", more, 3)
    refused("ValidationException", control.list_workload_identities, nextToken="not-a-token")
    field_refused(control.list_workload_identities, "maxResults", maxResults=21)
    field_refused(control.create_workload_identity, "name", name="has space")
    field_refused(control.create_workload_identity, "name", name="n" * 256)
    field_refused(
        control.create_workload_identity,
        "allowedResourceOauth2ReturnUrls",
        name=unique("workload"),
        allowedResourceOauth2ReturnUrls=["not a url"],
    )

    deleted = control.delete_workload_identity(name=name)
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    for call in (control.get_workload_identity, control.update_workload_identity, control.delete_workload_identity):
        refused("ResourceNotFoundException", call, saying=name, name=name)
    try:
        control.get_workload_identity(name=name)
    except control.exceptions.ResourceNotFoundException:
        pass  # the typed class that applications catch


def check_secret_hidden(answer, secret):
    assert secret not in json.dumps(answer, default=str), "an answer holds the secret"


def oauth2_credential_providers():
    name = unique("oauth")
    created = control.create_oauth2_credential_provider(
        name=name,
        credentialProviderVendor="CustomOauth2",
        oauth2ProviderConfigInput=provider.config(),
        tags={"team": "conformance"},
    )
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert created["credentialProviderArn"].endswith(f":token-vault/default/oauth2credentialprovider/{name}")
    assert "/identities/oauth2/callback/" in created["callbackUrl"]
    assert created["clientSecretArn"]["secretArn"].startswith("arn:aws:secretsmanager:")
    config = created["oauth2ProviderConfigOutput"]["customOauth2ProviderConfig"]
    assert config["clientId"] == provider.client_id
    assert config["oauthDiscovery"] == {"discoveryUrl": provider.discovery_url}
    refused(
        "ConflictException",
        control.create_oauth2_credential_provider,
        saying=name,
        name=name,
        credentialProviderVendor="CustomOauth2",
        oauth2ProviderConfigInput=provider.config(),
    )

    got = control.get_oauth2_credential_provider(name=name)
    for field in ("credentialProviderArn", "callbackUrl", "clientSecretArn", "oauth2ProviderConfigOutput"):
        assert got[field] == created[field], f"{field} differs between create and get"
    assert got["credentialProviderVendor"] == "CustomOauth2"
    check_times(got)

    changed = provider.config()
    changed["customOauth2ProviderConfig"]["clientId"] = "another-client"
    updated = control.update_oauth2_credential_provider(
        name=name, credentialProviderVendor="CustomOauth2", oauth2ProviderConfigInput=changed
    )
    assert updated["callbackUrl"] == created["callbackUrl"], "an update keeps the callback URL"
    assert updated["oauth2ProviderConfigOutput"]["customOauth2ProviderConfig"]["clientId"] == "another-client"

    more = [name]
    for _ in range(4):
        more.append(unique("page"))
        control.create_oauth2_credential_provider(
            name=more[-1], credentialProviderVendor="CustomOauth2", oauth2ProviderConfigInput=provider.config()
        )
    check_listed("list_oauth2_credential_providers", "credentialProviders", more, 2)
    for answer in (created, got, updated, control.list_oauth2_credential_providers()):
        check_secret_hidden(answer, provider.client_secret)

    control.delete_oauth2_credential_provider(name=name)
    refused("ResourceNotFoundException", control.get_oauth2_credential_provider, saying=name, name=name)
    again = control.create_oauth2_credential_provider(
        name=name, credentialProviderVendor="CustomOauth2", oauth2ProviderConfigInput=provider.config()
    )
    assert again["callbackUrl"] != created["callbackUrl"], "a provider made again has a callback URL of its own"


def oauth2_validation():
    def create(field, vendor="CustomOauth2", config=None, name=None):
        field_refused(
            control.create_oauth2_credential_provider,
            field,
            name=name or unique("oauth"),
            credentialProviderVendor=vendor,
            oauth2ProviderConfigInput=config or provider.config(),
        )

    create("name", name="dots.are.refused")
    create("credentialProviderVendor", vendor="NoSuchVendor")
    bad = provider.config()
    bad["customOauth2ProviderConfig"]["oauthDiscovery"] = {"discoveryUrl": "https://login.example.com/"}
    create("discoveryUrl", config=bad)
    long = provider.config()
    long["customOauth2ProviderConfig"]["clientId"] = "c" * 257
    create("clientId", config=long)
    field_refused(control.list_oauth2_credential_providers, "maxResults", maxResults=21)


def github_vendor():
    name = unique("github")
    created = control.create_oauth2_credential_provider(
        name=name,
        credentialProviderVendor="GithubOauth2",
        oauth2ProviderConfigInput={
            "githubOauth2ProviderConfig": {"clientId": "Iv1.abc", "clientSecret": "github-client-secret"}
        },
    )
    config = created["oauth2ProviderConfigOutput"]["githubOauth2ProviderConfig"]
    assert config["clientId"] == "Iv1.abc"
    assert "authorizationServerMetadata" in config["oauthDiscovery"]
    check_secret_hidden(created, "github-client-secret")
    listed = control.list_oauth2_credential_providers()["credentialProviders"]
    assert {"GithubOauth2"} == {p["credentialProviderVendor"] for p in listed if p["name"] == name}


def api_key_credential_providers():
    name = unique("apikey")
    created = control.create_api_key_credential_provider(name=name, apiKey="first-api-key", tags={"team": "conformance"})
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert created["credentialProviderArn"].endswith(f":token-vault/default/apikeycredentialprovider/{name}")
    assert created["apiKeySecretArn"]["secretArn"].startswith("arn:aws:secretsmanager:")
    refused("ConflictException", control.create_api_key_credential_provider, saying=name, name=name, apiKey="another")

    got = control.get_api_key_credential_provider(name=name)
    assert got["credentialProviderArn"] == created["credentialProviderArn"]
    check_times(got)
    updated = control.update_api_key_credential_provider(name=name, apiKey="second-api-key")
    assert updated["name"] == name and updated["lastUpdatedTime"] >= got["lastUpdatedTime"]

    more = [name]
    for _ in range(4):
        more.append(unique("page"))
        control.create_api_key_credential_provider(name=more[-1], apiKey="k")
    check_listed("list_api_key_credential_providers", "credentialProviders", more, 2)
    control.list_api_key_credential_providers(maxResults=100)  # this list alone allows a hundred
    field_refused(control.list_api_key_credential_providers, "maxResults", maxResults=101)
    field_refused(control.create_api_key_credential_provider, "apiKey", name=unique("apikey"), apiKey="k" * 65537)
    for answer in (created, got, updated, control.list_api_key_credential_providers()):
        check_secret_hidden(answer, "first-api-key")
        check_secret_hidden(answer, "second-api-key")

    assert control.delete_api_key_credential_provider(name=name)["ResponseMetadata"]["HTTPStatusCode"] == 204
    for call in (control.get_api_key_credential_provider, control.delete_api_key_credential_provider):
        refused("ResourceNotFoundException", call, saying=name, name=name)


workload_identities()
oauth2_credential_providers()
oauth2_validation()
github_vendor()
api_key_credential_providers()
