package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
)

// strict makes a command and all below it refuse what they do not understand as misuse. Left alone, a misspelt verb
// would show the help and succeed, and a script would go on.
func strict(c *cobra.Command) {
	for _, sub := range c.Commands() {
		strict(sub)
	}
	switch {
	case c.HasSubCommands() && !c.Runnable():
		c.Args, c.SuggestionsMinimumDistance = cobra.ArbitraryArgs, 2
		c.RunE = func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			return misused(c, "there is no command %q%s", args[0], didYouMean(c.SuggestionsFor(args[0])))
		}
	case c.Args != nil:
		check := c.Args
		c.Args = func(c *cobra.Command, args []string) error { return asMisuse(c, check(c, args)) }
	}
}

func didYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return " (did you mean " + strings.Join(names, " or ") + "?)"
}

// asMisuse makes a usage error of any other.
func asMisuse(c *cobra.Command, err error) error {
	if _, ok := errors.AsType[*usageError](err); ok || err == nil {
		return err
	}
	return misused(c, "%s", err)
}
