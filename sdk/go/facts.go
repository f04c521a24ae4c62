package sluice

// Facts is what is known when a hook runs. Each call asks the gateway: ask once and keep the answer.
type Facts interface {
	Subject() string
	Issuer() string
	// Email is the address, where the token has one.
	Email() (string, bool)
	Groups() []string
	// Claim is a claim of the token as JSON text.
	Claim(name string) (string, bool)
	// Actors is who acts for the subject, nearest first.
	Actors() []string
	Database() string
	Application() string
	// Catalog is every column. In Session only; empty elsewhere.
	Catalog() []Column
	// Statements are those of the request. In Decide only; empty elsewhere, as what follows.
	Statements() []Statement
	Relations() []RelationUse
	Columns() []ColumnUse
	Functions() []FunctionUse
	Opaque() []OpaquePart
	Text() string
	// Parameters are nil where they are NULL or binary.
	Parameters() []*string
	// Executing is false while the statement is only being prepared: it is decided again before it runs.
	Executing() bool
	// RowRestrictions are, for each statement, what restricts the rows that the client gets of it; "" where it is no
	// query.
	RowRestrictions() []string
	// ProtectedColumns are those uses of columns whose column some policy protects from this session.
	ProtectedColumns() []ColumnUse
}

// IsMember is true for a member of the group.
func IsMember(facts Facts, group string) bool {
	for _, one := range facts.Groups() {
		if one == group {
			return true
		}
	}
	return false
}

// Column is one column of a base relation, as the catalog knows it.
type Column struct {
	RelationOID uint32
	Attribute   int16
	Schema      string
	Relation    string
	Name        string
	TypeName    string
}

// ColumnUse is one use that a request makes of a base column: "projected", "derived", "whole-row", "filtered",
// "ordered", "copied" or "written".
type ColumnUse struct {
	Column    Column
	Used      string
	Statement uint32
}

// RelationUse is one use that a request makes of a relation: "read", "insert", "update", "delete", "truncate" or
// "define".
type RelationUse struct {
	OID       uint32
	HasOID    bool
	Schema    string
	Name      string
	Access    string
	Statement uint32
}

// Statement is one statement of a request.
type Statement struct {
	// "select", "insert", "drop table".
	Kind string
	// "read", "write", "define", "session", "transaction" or "utility".
	Class string
	// For UPDATE and DELETE "none", "always-true", "some" or "key"; else "".
	Restriction string
}

// FunctionUse is a function that a request calls.
type FunctionUse struct {
	Schema    string
	Name      string
	Statement uint32
}

// OpaquePart is a part of a request whose effect cannot be known.
type OpaquePart struct {
	Reason    string
	Detail    string
	Statement uint32
}

// ResultColumn is where a column stands in a result.
type ResultColumn struct {
	Position uint32
	Column   Column
	TypeOID  uint32
	Binary   bool
}
