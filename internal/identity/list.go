package identity

import (
	"context"
	"encoding/base64"
	"strings"
)

// Page asks for part of a list: at most Max items after the place that Token names ("" for the start).
type Page struct {
	Token string
	Max   int
}

// List is a page of items and the token of the next one, "" at the end.
type List[T any] struct {
	Items []T
	Next  string
}

// Tokens carry the last item's key and the kind of list, so that a page stays stable while items come and go, and a
// token of another list is refused. They open nothing: every page is authorised anew.
func pageToken(kind, last string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(kind + "\x00" + last))
}

func badPageToken() error {
	return invalid("nextToken", "nextToken is not one that this list answered; begin without it")
}

func pageStart(kind, token string) (string, error) {
	if token == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(token)
	k, last, ok := strings.Cut(string(b), "\x00")
	if err != nil || !ok || k != kind || last == "" {
		return "", badPageToken()
	}
	return last, nil
}

func listRecords[T any](ctx context.Context, s *Service, account, kind string, p Page, dec decoder[T]) (List[T], error) {
	return listOwned(ctx, s, account, kind, "", p, dec)
}

// listOwned is a page of the records of the kind that the owner has ("" for those without one).
func listOwned[T any](ctx context.Context, s *Service, account, kind, owner string, p Page, dec decoder[T]) (List[T], error) {
	after, err := pageStart(kind, p.Token)
	if err != nil {
		return List[T]{}, err
	}
	rows, err := s.Store.ListRecords(ctx, account, kind, owner, after, p.Max+1)
	if err != nil {
		return List[T]{}, internal(err, "listing "+kind)
	}
	out := List[T]{Items: make([]T, 0, min(len(rows), p.Max))}
	for i, r := range rows {
		if i == p.Max {
			out.Next = pageToken(kind, rows[i-1].Name)
			break
		}
		t, err := decode(ctx, s, r, dec)
		if err != nil {
			return List[T]{}, err
		}
		out.Items = append(out.Items, t)
	}
	return out, nil
}
