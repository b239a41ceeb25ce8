package lru

import "testing"

func TestForgetsWhatWasUsedLongestAgo(t *testing.T) {
	c := New[string, int](2)
	c.Put("a", 1)
	c.Put("b", 2)
	c.Get("a")
	c.Put("c", 3)
	if _, ok := c.Get("b"); ok {
		t.Error("b is still there")
	}
	if v := c.GetOrPut("a", 9); v != 1 {
		t.Errorf("a is %d, want 1", v)
	}
	if v := c.GetOrPut("d", 4); v != 4 || c.Len() != 2 {
		t.Errorf("d is %d in %d entries", v, c.Len())
	}
	c.Put("d", 5)
	if v, _ := c.Get("d"); v != 5 || c.Len() != 2 {
		t.Errorf("d is %d in %d entries", v, c.Len())
	}
	c.Remove("d")
	c.Remove("never there")
	if _, ok := c.Get("d"); ok || c.Len() != 1 {
		t.Errorf("d is still there, or more is gone: %d entries", c.Len())
	}
}

// TestA50_Bounded: however many keys are made up, the map is no longer than the list, and the list than the bound.
func TestA50_Bounded(t *testing.T) {
	c := New[int, int](100)
	for i := range 10_000 {
		if c.Put(i, i); c.Len() > 100 || len(c.items) != c.Len() {
			t.Fatalf("%d entries in the map, %d in the list, of 100", len(c.items), c.Len())
		}
	}
}
