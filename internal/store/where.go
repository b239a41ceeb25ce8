package store

import "strconv"

// where builds a query whose conditions depend on a filter.
type where struct {
	query string
	args  []any
}

func (w *where) text(condition, value string) {
	if value != "" {
		w.args = append(w.args, value)
		w.query += " AND " + condition + " $" + strconv.Itoa(len(w.args))
	}
}

func (w *where) page(order string, limit int) (string, []any) {
	w.args = append(w.args, limit)
	return w.query + " ORDER BY " + order + " LIMIT $" + strconv.Itoa(len(w.args)), w.args
}
