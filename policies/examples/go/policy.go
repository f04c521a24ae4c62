// Masks e-mail addresses for the members of a group; refuses UPDATE and DELETE of whole tables; holds DDL.
package main

import (
	"slices"
	"strings"

	sluice "sluice-sdk"
)

type maskAddresses struct {
	columns   []string
	group     string
	approvers []string
}

func init() {
	sluice.Register(func(settings *sluice.Settings) (sluice.Policy, error) {
		policy := &maskAddresses{
			columns:   settings.Texts("columns"),
			group:     settings.Text("group"),
			approvers: settings.Texts("approvers", "dba"),
		}
		return policy, settings.End()
	})
}

func main() {}

func (p *maskAddresses) Session(facts sluice.Facts) sluice.SessionDecision {
	decision := sluice.SessionDecision{Effect: sluice.Allow()}
	if !sluice.IsMember(facts, p.group) {
		return decision
	}
	for _, column := range facts.Catalog() {
		if slices.Contains(p.columns, column.Name) {
			sluice.TransformBy(&column, 0)
			decision.Protections = append(decision.Protections, sluice.Protect(&column, mask(&column)))
		}
	}
	return decision
}

// Other types than texts have no room for stars.
func mask(column *sluice.Column) sluice.Mask {
	name := column.TypeName
	if (name == "text" || strings.HasPrefix(name, "character varying")) && !strings.HasSuffix(name, "]") {
		return sluice.Custom()
	}
	return sluice.Null()
}

func (p *maskAddresses) Decide(facts sluice.Facts) sluice.Decision {
	decision := sluice.Decision{Effect: sluice.Allow(), Reuse: sluice.ReuseShape}
	defines := false
	for _, statement := range facts.Statements() {
		if statement.Restriction == "none" || statement.Restriction == "always-true" {
			reason := strings.ToUpper(statement.Kind) + " without a condition would change every row"
			decision.Effect = sluice.Deny(reason, "Say which rows by WHERE.")
			return decision
		}
		defines = defines || statement.Class == "define"
	}
	// It is held when it runs; preparing it changes nothing.
	if defines && facts.Executing() {
		decision.Effect = sluice.Hold("it changes the schema", p.approvers...)
	}
	return decision
}

func (p *maskAddresses) Transform(_ *sluice.ResultColumn, values sluice.Values) (sluice.Values, error) {
	return values.Map(maskAddress), nil
}

// ada@example.com -> a**@example.com; what is no address is all stars.
func maskAddress(value, masked []byte) []byte {
	domain := len(value)
	for domain > 0 && mayBeInDomain(value[domain-1]) {
		domain--
	}
	at := domain - 1
	if domain == len(value) || at < 1 || value[at] != '@' {
		return sluice.Stars(masked, sluice.Characters(value))
	}
	first := 1
	for first < at && value[first]&0xc0 == 0x80 {
		first++
	}
	if first < at {
		masked = append(masked, value[:first]...)
		masked = sluice.Stars(masked, sluice.Characters(value[first:at]))
	} else {
		masked = append(masked, '*')
	}
	return append(masked, value[at:]...)
}

func mayBeInDomain(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '-' || b == '.'
}
