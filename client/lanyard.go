package client

import (
	"context"
	"iter"

	"github.com/lanyard-id/lanyard/api"
)

// FindAuditRecords reads a page of audit records, newest first.
func (c *Client) FindAuditRecords(ctx context.Context, in *api.FindAuditRecordsRequest) (*api.FindAuditRecordsResponse, error) {
	return call[api.FindAuditRecordsResponse](ctx, c, api.FindAuditRecords, in)
}

// AuditRecords goes through the audit records that match, newest first.
func (c *Client) AuditRecords(ctx context.Context, in api.FindAuditRecordsRequest) iter.Seq2[api.AuditRecord, error] {
	return pages(in.NextToken, func(token string) ([]api.AuditRecord, string, error) {
		in := in
		in.NextToken = token
		out, err := c.FindAuditRecords(ctx, &in)
		if err != nil {
			return nil, "", err
		}
		return out.Records, out.NextToken, nil
	})
}

// ListAuthorizationSessions reads a page of consents, newest first.
func (c *Client) ListAuthorizationSessions(ctx context.Context, in *api.PageRequest) (*api.ListAuthorizationSessionsResponse, error) {
	return call[api.ListAuthorizationSessionsResponse](ctx, c, api.ListAuthorizationSessions, in)
}

// AuthorizationSessions goes through all consents, newest first.
func (c *Client) AuthorizationSessions(ctx context.Context) iter.Seq2[api.AuthorizationSession, error] {
	return pages("", func(token string) ([]api.AuthorizationSession, string, error) {
		out, err := c.ListAuthorizationSessions(ctx, &api.PageRequest{NextToken: token})
		if err != nil {
			return nil, "", err
		}
		return out.Sessions, out.NextToken, nil
	})
}

// ListGrants reads a page of the grants that match.
func (c *Client) ListGrants(ctx context.Context, in *api.ListGrantsRequest) (*api.ListGrantsResponse, error) {
	return call[api.ListGrantsResponse](ctx, c, api.ListGrants, in)
}

// Grants goes through the grants that match.
func (c *Client) Grants(ctx context.Context, in api.ListGrantsRequest) iter.Seq2[api.GrantItem, error] {
	return pages(in.NextToken, func(token string) ([]api.GrantItem, string, error) {
		in := in
		in.NextToken = token
		out, err := c.ListGrants(ctx, &in)
		if err != nil {
			return nil, "", err
		}
		return out.Grants, out.NextToken, nil
	})
}

// RotateDataKeys makes a new data key of the account and wraps every record's key by it.
func (c *Client) RotateDataKeys(ctx context.Context) (*api.RotateDataKeysResponse, error) {
	return call[api.RotateDataKeysResponse](ctx, c, api.RotateDataKeys, &api.Empty{})
}
