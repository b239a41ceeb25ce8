package devidp

// HashCheaply makes password hashes cost next to nothing.
func (p *Pools) HashCheaply() { p.cost = hashCost{Passes: 1, Memory: 8} }
