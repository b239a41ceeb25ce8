package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/lanyard-id/lanyard/client"
)

// signWhole signs a request with all of its headers: whoever is on the way must not add whose user it is for.
func (c *cloud) signWhole(ctx context.Context, r *http.Request, body []byte) error {
	k, err := c.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return explain(fmt.Errorf("%w: %w", client.ErrNoCredentials, err))
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	r.Header.Set("X-Amz-Content-Sha256", hash)
	return v4.NewSigner().SignHTTP(ctx, k, r, hash, "bedrock-agentcore", c.region, c.env.now())
}
