package devidp

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/lanyard-id/lanyard/api"
)

// checkPool refuses, by name, what would leave users less protected than they were promised: a pool that asks for a second
// factor and does not get one looks the same from outside.
func checkPool(in *api.CreateUserPoolRequest) error {
	for _, check := range []func(*api.CreateUserPoolRequest) error{checkFactors, checkTriggers, checkPasswordPolicy, checkSchema} {
		if err := check(in); err != nil {
			return err
		}
	}
	return nil
}

func checkFactors(in *api.CreateUserPoolRequest) error {
	switch {
	case or(in.MfaConfiguration, "OFF") != "OFF":
		return invalidParameter("MfaConfiguration must be OFF or left out: the development user pools have no second factor, and one that is stored but not asked for would mislead")
	case in.UserPoolAddOns != nil && (in.UserPoolAddOns.AdvancedSecurityMode != "OFF" || !empty(in.UserPoolAddOns.AdvancedSecurityAdditionalFlows)):
		return invalidParameter("UserPoolAddOns.AdvancedSecurityMode must be OFF or left out: the development user pools judge no risk")
	case in.DeviceConfiguration != nil && *in.DeviceConfiguration != (api.DeviceConfiguration{}):
		return invalidParameter("DeviceConfiguration must be left out: the development user pools remember no devices")
	case in.Policies != nil && in.Policies.SignInPolicy != nil && !slices.Equal(in.Policies.SignInPolicy.AllowedFirstAuthFactors, []string{"PASSWORD"}):
		return invalidParameter("Policies.SignInPolicy.AllowedFirstAuthFactors must be [PASSWORD] or left out: the development user pools know no other factor")
	}
	return nil
}

// checkTriggers refuses Lambda triggers: one that was meant to refuse a sign-in would never be asked.
func checkTriggers(in *api.CreateUserPoolRequest) error {
	if !empty(in.LambdaConfig) {
		return invalidParameter("LambdaConfig must be empty or left out: the development user pools call no triggers, and one that refuses sign-ins would never be asked")
	}
	return nil
}

// empty tells a member that was not sent, or holds nothing.
func empty(raw api.Echo) bool {
	var members map[string]json.RawMessage
	raw = bytes.TrimSpace(raw)
	return len(raw) == 0 || json.Unmarshal(raw, &members) == nil && len(members) == 0
}

// standardAttributes are what every user may have (OpenID Connect Core, 5.1), with their types.
var standardAttributes = []struct{ name, kind string }{
	{"sub", "String"}, {"name", "String"}, {"given_name", "String"}, {"family_name", "String"}, {"middle_name", "String"},
	{"nickname", "String"}, {"preferred_username", "String"}, {"profile", "String"}, {"picture", "String"}, {"website", "String"},
	{"email", "String"}, {"email_verified", "Boolean"}, {"gender", "String"}, {"birthdate", "String"}, {"zoneinfo", "String"},
	{"locale", "String"}, {"phone_number", "String"}, {"phone_number_verified", "Boolean"}, {"address", "String"}, {"updated_at", "Number"},
}

func isStandard(name string) bool {
	for _, a := range standardAttributes {
		if a.name == name {
			return true
		}
	}
	return false
}

func checkSchema(in *api.CreateUserPoolRequest) error {
	for _, a := range in.Schema {
		if a.Name == "" || strings.HasPrefix(a.Name, "custom:") || strings.HasPrefix(a.Name, "dev:") {
			return invalidParameter("Schema: an attribute needs a Name, and a custom one is given without the prefix custom:")
		}
	}
	return nil
}

// schemaOf lists the standard attributes, as the pool changed them, and its own.
func schemaOf(in *api.CreateUserPoolRequest) []api.SchemaAttribute {
	var list []api.SchemaAttribute
	for _, a := range standardAttributes {
		kind, mutable, no := a.kind, a.name != "sub", false
		attribute := api.SchemaAttribute{Name: a.name, AttributeDataType: &kind, DeveloperOnlyAttribute: &no, Mutable: &mutable, Required: &no}
		if i := slices.IndexFunc(in.Schema, func(s api.SchemaAttribute) bool { return s.Name == a.name }); i >= 0 {
			attribute.Required, attribute.Mutable = new(value(in.Schema[i].Required)), new(or(in.Schema[i].Mutable, mutable))
		}
		list = append(list, attribute)
	}
	for _, a := range in.Schema {
		if !isStandard(a.Name) {
			a.Name = "custom:" + a.Name
			list = append(list, a)
		}
	}
	return list
}

// hasAttribute reports whether the pool's users may have an attribute.
func (p *pool) hasAttribute(name string) bool {
	custom, isCustom := strings.CutPrefix(name, "custom:")
	return name != "sub" && isStandard(name) ||
		isCustom && slices.ContainsFunc(p.data.Asked.Schema, func(a api.SchemaAttribute) bool { return a.Name == custom && !isStandard(custom) })
}
