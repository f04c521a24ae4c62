// Package sluice is for policies written in Go, against the contract sluice:policy@0.1.0.
//
// Nothing is allowed unless the policy says so: the zero value of every answer is a denial, and so is a panic.
package sluice

// Policy is what an author writes.
type Policy interface {
	// Session says whether this identity may open this database, and which columns are protected from it.
	Session(facts Facts) SessionDecision
	// Decide says whether this request may run.
	Decide(facts Facts) Decision
}

// Transformer is a Policy that replaces values itself: those of columns that it protects by Custom.
type Transformer interface {
	Policy
	// Transform replaces the values of one column. An error withholds the rows. The values are gone when it returns.
	Transform(column *ResultColumn, values Values) (Values, error)
}

// Effect is what becomes of a request or session. The zero value denies.
type Effect struct {
	kind        effectKind
	reason      string
	hint        string
	approvers   []string
	approvals   uint32
	ttlSeconds  uint32
}

type effectKind uint8

const (
	denies effectKind = iota
	allows
	holds
)

// Allow lets it pass, as far as this policy is concerned.
func Allow() Effect {
	return Effect{kind: allows}
}

// Deny says why not, in a sentence for the client, and what would be allowed instead, or "".
func Deny(reason, hint string) Effect {
	return Effect{reason: reason, hint: hint}
}

// Hold waits for one member of these groups to approve, for a quarter of an hour.
func Hold(reason string, approvers ...string) Effect {
	return Effect{kind: holds, reason: reason, approvers: approvers, approvals: 1, ttlSeconds: 15 * 60}
}

// Approvals says how many different approvers are needed.
func (e Effect) Approvals(count uint32) Effect {
	e.approvals = count
	return e
}

// Seconds says when a hold expires.
func (e Effect) Seconds(ttl uint32) Effect {
	e.ttlSeconds = ttl
	return e
}

// IsDenied is true where it is refused.
func (e Effect) IsDenied() bool {
	return e.kind == denies
}

// IsHeld is true where it waits for approval.
func (e Effect) IsHeld() bool {
	return e.kind == holds
}

// Mask is what to put in place of a value. The zero value is NULL. All but Custom are made by the gateway itself,
// which is far faster.
type Mask struct {
	kind       maskKind
	text       string
	characters uint32
}

type maskKind uint8

const (
	maskNull maskKind = iota
	maskFixed
	maskKeepFirst
	maskKeepLast
	maskKeyedHash
	maskCustom
)

// Null is NULL.
func Null() Mask { return Mask{} }

// Fixed is this text.
func Fixed(text string) Mask { return Mask{kind: maskFixed, text: text} }

// KeepFirst keeps the first characters, stars for the rest.
func KeepFirst(characters uint32) Mask { return Mask{kind: maskKeepFirst, characters: characters} }

// KeepLast keeps the last characters, stars for the rest.
func KeepLast(characters uint32) Mask { return Mask{kind: maskKeepLast, characters: characters} }

// KeyedHash is a hash under that key of the deployment.
func KeyedHash(key string) Mask { return Mask{kind: maskKeyedHash, text: key} }

// Custom is the policy's own Transform.
func Custom() Mask { return Mask{kind: maskCustom} }

// DerivedRule is what an expression over a protected column, its whole row or a copy of it gets.
type DerivedRule uint8

// The zero value denies.
const (
	DerivedDeny DerivedRule = iota
	DerivedHold
	DerivedNull
)

// FilterRule is what a filter, join, order or group over a protected column gets.
type FilterRule uint8

// The zero value denies.
const (
	FilterDeny FilterRule = iota
	FilterEquality
	FilterAllow
)

// Protection says that a column must not come back raw.
type Protection struct {
	RelationOID uint32
	Attribute   int16
	Mask        Mask
	Derived     DerivedRule
	Filter      FilterRule
}

// Protect masks a column; expressions, copies and filters over it are refused.
func Protect(column *Column, mask Mask) Protection {
	return Protection{RelationOID: column.RelationOID, Attribute: column.Attribute, Mask: mask}
}

// Recording is how much of the request the trail keeps.
type Recording uint8

// The statement and its verdict, or the rows delivered too.
const (
	RecordStatement Recording = iota
	RecordResults
)

// Reuse is how far a decision may be used again.
type Reuse uint8

// ReuseShape is right where neither text nor parameters matter, and costs the least.
const (
	ReuseOnce Reuse = iota
	ReuseText
	ReuseShape
)

// Decision is the answer to Decide.
type Decision struct {
	Effect Effect
	// Beside those of the session.
	Protections []Protection
	Recording   Recording
	Reuse       Reuse
	// For the trail, or "".
	Note string
}

// SessionDecision is the answer to Session.
type SessionDecision struct {
	Effect      Effect
	Protections []Protection
	// Functions and relations that may be used although nobody knows what they do.
	Trusted []string
}

// Register says how the policy is made from its settings; call it in init. What it returns as an error keeps the
// policy from taking effect.
func Register(configure func(settings *Settings) (Policy, error)) {
	registered = configure
}

var registered func(settings *Settings) (Policy, error)
