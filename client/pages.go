package client

import (
	"errors"
	"iter"
)

// pages goes through a list page by page, fetching the next one only when it is needed. It ends after the first error,
// and with one when a page points at itself: a list that a broken server makes endless would be read for ever.
func pages[T any](start string, fetch func(token string) (items []T, next string, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		for token := start; ; {
			items, next, err := fetch(token)
			if err != nil {
				yield(zero, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			if next == token {
				yield(zero, errors.New("the list does not end: a page names itself as the next one"))
				return
			}
			token = next
		}
	}
}
