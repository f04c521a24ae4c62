package sluice

import (
	"runtime"
	"unsafe"
)

// The contract's imports and exports. What crosses is laid out as the canonical ABI says: see wit/policy.wit.

// An address in the module's memory.
type address = uint32

// ---- Memory that the gateway fills, and that holds an answer until the gateway has read it ----

// Blocks are filled from the start and emptied at once, so that no call of the gateway meets the collector more often
// than it must. Nothing in them moves.
type arena struct {
	block []uint64
	used  uintptr
	// Filled blocks, and what answers point to.
	kept []any
}

var memory arena

func (a *arena) take(bytes uintptr) unsafe.Pointer {
	bytes = (bytes + 7) &^ 7
	if uintptr(len(a.block))*8-a.used < bytes {
		size := max(2*uintptr(len(a.block))*8, bytes, 1<<14)
		a.kept = append(a.kept, a.block)
		a.block, a.used = make([]uint64, size/8), 0
	}
	taken := unsafe.Add(unsafe.Pointer(unsafe.SliceData(a.block)), a.used)
	a.used += bytes
	return taken
}

func (a *arena) reset() {
	clear(a.kept)
	a.kept, a.used = a.kept[:0], 0
}

//go:wasmexport cabi_realloc
func realloc(old unsafe.Pointer, oldBytes, align, bytes uint32) unsafe.Pointer {
	taken := memory.take(uintptr(bytes))
	if oldBytes > 0 {
		copy(unsafe.Slice((*byte)(taken), bytes), unsafe.Slice((*byte)(old), oldBytes))
	}
	return taken
}

func pointer(at address) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&[1]uintptr{uintptr(at)}))
}

func addressOf(p unsafe.Pointer) address {
	return address(uintptr(p))
}

func get8(at address) uint8   { return *(*uint8)(pointer(at)) }
func get32(at address) uint32 { return *(*uint32)(pointer(at)) }

func put8(at address, value uint8)   { *(*uint8)(pointer(at)) = value }
func put32(at address, value uint32) { *(*uint32)(pointer(at)) = value }

// ---- Reading ----

func readText(at address) string {
	return string(unsafe.Slice((*byte)(pointer(get32(at))), get32(at+4)))
}

func readOptional(at address) (string, bool) {
	if get8(at) == 0 {
		return "", false
	}
	return readText(at + 4), true
}

func readList[T any](at address, size uint32, read func(address) T) []T {
	first, count := get32(at), get32(at+4)
	list := make([]T, count)
	for i := range list {
		list[i] = read(first + uint32(i)*size)
	}
	return list
}

func readColumn(at address) Column {
	return Column{
		RelationOID: get32(at),
		Attribute:   *(*int16)(pointer(at + 4)),
		Schema:      readText(at + 8),
		Relation:    readText(at + 16),
		Name:        readText(at + 24),
		TypeName:    readText(at + 32),
	}
}

func readColumnUse(at address) ColumnUse {
	return ColumnUse{Column: readColumn(at), Used: readText(at + 40), Statement: get32(at + 48)}
}

func readRelationUse(at address) RelationUse {
	return RelationUse{
		HasOID:    get8(at) == 1,
		OID:       get32(at + 4),
		Schema:    readText(at + 8),
		Name:      readText(at + 16),
		Access:    readText(at + 24),
		Statement: get32(at + 32),
	}
}

func readStatement(at address) Statement {
	return Statement{Kind: readText(at), Class: readText(at + 8), Restriction: readText(at + 16)}
}

func readFunctionUse(at address) FunctionUse {
	return FunctionUse{Schema: readText(at), Name: readText(at + 8), Statement: get32(at + 16)}
}

func readOpaquePart(at address) OpaquePart {
	return OpaquePart{Reason: readText(at), Detail: readText(at + 8), Statement: get32(at + 16)}
}

func readParameter(at address) *string {
	if text, there := readOptional(at); there {
		return &text
	}
	return nil
}

func readResultColumn(at address) ResultColumn {
	return ResultColumn{
		Position: get32(at),
		Column:   readColumn(at + 4),
		TypeOID:  get32(at + 44),
		Binary:   get8(at+48) == 1,
	}
}

// The values lie where the gateway put them.
func readValues(at address) Values {
	return Values{
		Offsets: unsafe.Slice((*uint32)(pointer(get32(at))), get32(at+4)),
		Nulls:   unsafe.Slice((*byte)(pointer(get32(at+8))), get32(at+12)),
		Data:    unsafe.Slice((*byte)(pointer(get32(at+16))), get32(at+20)),
	}
}

// ---- Facts ----

type host struct{}

// Where the gateway writes what a fact is.
var answer = new([4]uint32)

func ask(fact func(unsafe.Pointer)) address {
	fact(unsafe.Pointer(answer))
	return addressOf(unsafe.Pointer(answer))
}

//go:wasmimport sluice:policy/facts@0.1.0 subject
func factSubject(unsafe.Pointer)

//go:wasmimport sluice:policy/facts@0.1.0 issuer
func factIssuer(unsafe.Pointer)

//go:wasmimport sluice:policy/facts@0.1.0 email
func factEmail(unsafe.Pointer)

//go:wasmimport sluice:policy/facts@0.1.0 groups
func factGroups(unsafe.Pointer)

//go:wasmimport sluice:policy/facts@0.1.0 claim
func factClaim(name unsafe.Pointer, bytes uint32, answer unsafe.Pointer)

//go:wasmimport sluice:policy/facts@0.1.0 actors
func factActors(unsafe.Pointer)

//go:wasmimport sluice:policy/facts@0.1.0 database
func factDatabase(unsafe.Pointer)

//go:wasmimport sluice:policy/facts@0.1.0 application
func factApplication(unsafe.Pointer)

//go:wasmimport sluice:policy/facts@0.1.0 catalog
func factCatalog(unsafe.Pointer)

//go:wasmimport sluice:policy/facts@0.1.0 statements
func factStatements(unsafe.Pointer)

//go:wasmimport sluice:policy/facts@0.1.0 relations
func factRelations(unsafe.Pointer)

//go:wasmimport sluice:policy/facts@0.1.0 columns
func factColumns(unsafe.Pointer)

//go:wasmimport sluice:policy/facts@0.1.0 functions
func factFunctions(unsafe.Pointer)

//go:wasmimport sluice:policy/facts@0.1.0 opaque
func factOpaque(unsafe.Pointer)

//go:wasmimport sluice:policy/facts@0.1.0 text
func factText(unsafe.Pointer)

//go:wasmimport sluice:policy/facts@0.1.0 parameters
func factParameters(unsafe.Pointer)

//go:wasmimport sluice:policy/facts@0.1.0 executing
func factExecuting() uint32

//go:wasmimport sluice:policy/facts@0.1.0 transform-by
func factTransformBy(relationOID uint32, attribute int32, rule uint32)

//go:wasmimport sluice:policy/facts@0.1.0 transformed-by
func factTransformedBy(position uint32, answer unsafe.Pointer)

//go:wasmimport sluice:policy/facts@0.1.0 row-restrictions
func factRowRestrictions(unsafe.Pointer)

//go:wasmimport sluice:policy/facts@0.1.0 protected-columns
func factProtectedColumns(unsafe.Pointer)

func (host) Subject() string         { return readText(ask(factSubject)) }
func (host) Issuer() string          { return readText(ask(factIssuer)) }
func (host) Email() (string, bool)   { return readOptional(ask(factEmail)) }
func (host) Groups() []string        { return readList(ask(factGroups), 8, readText) }
func (host) Actors() []string        { return readList(ask(factActors), 8, readText) }
func (host) Database() string        { return readText(ask(factDatabase)) }
func (host) Application() string     { return readText(ask(factApplication)) }
func (host) Catalog() []Column       { return readList(ask(factCatalog), 40, readColumn) }
func (host) Statements() []Statement { return readList(ask(factStatements), 24, readStatement) }
func (host) Relations() []RelationUse {
	return readList(ask(factRelations), 36, readRelationUse)
}
func (host) Columns() []ColumnUse     { return readList(ask(factColumns), 52, readColumnUse) }
func (host) Functions() []FunctionUse { return readList(ask(factFunctions), 20, readFunctionUse) }
func (host) Opaque() []OpaquePart     { return readList(ask(factOpaque), 20, readOpaquePart) }
func (host) Text() string             { return readText(ask(factText)) }
func (host) Parameters() []*string    { return readList(ask(factParameters), 12, readParameter) }
func (host) Executing() bool          { return factExecuting() != 0 }
func (host) RowRestrictions() []string {
	return readList(ask(factRowRestrictions), 8, readText)
}
func (host) ProtectedColumns() []ColumnUse {
	return readList(ask(factProtectedColumns), 52, readColumnUse)
}

func (host) Claim(name string) (string, bool) {
	factClaim(unsafe.Pointer(unsafe.StringData(name)), uint32(len(name)), unsafe.Pointer(answer))
	runtime.KeepAlive(name)
	return readOptional(addressOf(unsafe.Pointer(answer)))
}

// TransformBy says, in Session and Decide, by which rule a column is transformed that is protected by Custom: a number of
// the policy's own. A value that belongs to columns of several rules is NULL; where nothing is said of a column, its name
// stands for the rule.
func TransformBy(column *Column, rule uint32) {
	factTransformBy(column.RelationOID, int32(column.Attribute), rule)
}

// TransformedBy is, in Transform, the rule that was said of the column, if one was.
func TransformedBy(column *ResultColumn) (uint32, bool) {
	factTransformedBy(column.Position, unsafe.Pointer(answer))
	at := addressOf(unsafe.Pointer(answer))
	return get32(at + 4), get8(at) == 1
}

// ---- Grants: a policy that calls one imports it, and the operator must grant it ----

//go:wasmimport sluice:policy/log@0.1.0 write
func logWrite(level unsafe.Pointer, levelBytes uint32, message unsafe.Pointer, messageBytes uint32)

//go:wasmimport sluice:policy/clock@0.1.0 now
func clockNow() uint64

//go:wasmimport sluice:policy/grants@0.1.0 granted
func grantsGranted(name unsafe.Pointer, bytes uint32) uint32

//go:wasmimport sluice:policy/counters@0.1.0 get
func countersGet(key unsafe.Pointer, bytes, windowSeconds uint32) uint64

//go:wasmimport sluice:policy/counters@0.1.0 add
func countersAdd(key unsafe.Pointer, bytes, windowSeconds uint32, amount uint64) uint64

//go:wasmimport sluice:policy/counters@0.1.0 take
func countersTake(key unsafe.Pointer, bytes, windowSeconds uint32, amount, limit uint64) uint32

//go:wasmimport sluice:policy/counters@0.1.0 limit-rows
func countersLimitRows(key unsafe.Pointer, bytes, windowSeconds uint32, limit uint64, counted uint32,
	reason unsafe.Pointer, reasonBytes uint32, hint unsafe.Pointer, hintBytes uint32)

//go:wasmimport sluice:policy/keyed@0.1.0 token
func keyedToken(keyName unsafe.Pointer, keyBytes uint32, value unsafe.Pointer, valueBytes uint32, answer unsafe.Pointer)

//go:wasmimport sluice:policy/tables@0.1.0 lookup
func tablesLookup(table unsafe.Pointer, tableBytes uint32, key unsafe.Pointer, keyBytes uint32, answer unsafe.Pointer)

//go:wasmimport sluice:policy/tables@0.1.0 contains
func tablesContains(table unsafe.Pointer, tableBytes uint32, key unsafe.Pointer, keyBytes uint32) uint32

// Where a text is, and how many bytes it has. Whoever passes it on keeps the text alive.
func passed(text string) (unsafe.Pointer, uint32) {
	return unsafe.Pointer(unsafe.StringData(text)), uint32(len(text))
}

// Granted is true where the interface of that name is granted. A policy that calls it is loaded without what it
// imports beside, too; what is not granted then fails when it is called, and refuses.
func Granted(name string) bool {
	at, bytes := passed(name)
	granted := grantsGranted(at, bytes) != 0
	runtime.KeepAlive(name)
	return granted
}

// Count is the sum of the window. Needs the grant "counters", as what follows.
func Count(key string, windowSeconds uint32) uint64 {
	at, bytes := passed(key)
	sum := countersGet(at, bytes, windowSeconds)
	runtime.KeepAlive(key)
	return sum
}

// CountAdd adds, whatever becomes of the request, and gives the sum of the window with it.
func CountAdd(key string, windowSeconds uint32, amount uint64) uint64 {
	at, bytes := passed(key)
	sum := countersAdd(at, bytes, windowSeconds, amount)
	runtime.KeepAlive(key)
	return sum
}

// CountTake adds where the sum stays within the limit, and says whether it did. What Decide takes is given back where
// the request does not run.
func CountTake(key string, windowSeconds uint32, amount, limit uint64) bool {
	at, bytes := passed(key)
	fits := countersTake(at, bytes, windowSeconds, amount, limit) != 0
	runtime.KeepAlive(key)
	return fits
}

// CountedRows says which rows a limit counts.
type CountedRows uint32

const (
	// EveryRow of each result of the request.
	EveryRow CountedRows = iota
	// ProtectedRows are those of results that show a protected column.
	ProtectedRows
)

// LimitRows, in Decide, ends results in place of the first row beyond the limit, with this reason and hint. A window
// of 0 is this request alone.
func LimitRows(key string, windowSeconds uint32, limit uint64, counted CountedRows, reason, hint string) {
	at, bytes := passed(key)
	reasonAt, reasonBytes := passed(reason)
	hintAt, hintBytes := passed(hint)
	countersLimitRows(at, bytes, windowSeconds, limit, uint32(counted), reasonAt, reasonBytes, hintAt, hintBytes)
	runtime.KeepAlive(key)
	runtime.KeepAlive(reason)
	runtime.KeepAlive(hint)
}

// Token is what the mask keyed-hash makes of the text. Needs the grant "keyed".
func Token(keyName, value string) string {
	keyAt, keyBytes := passed(keyName)
	valueAt, valueBytes := passed(value)
	keyedToken(keyAt, keyBytes, valueAt, valueBytes, unsafe.Pointer(answer))
	runtime.KeepAlive(keyName)
	runtime.KeepAlive(value)
	return readText(addressOf(unsafe.Pointer(answer)))
}

// Lookup is the value of a key in a table. Needs the grant "tables".
func Lookup(table, key string) (string, bool) {
	tableAt, tableBytes := passed(table)
	keyAt, keyBytes := passed(key)
	tablesLookup(tableAt, tableBytes, keyAt, keyBytes, unsafe.Pointer(answer))
	runtime.KeepAlive(table)
	runtime.KeepAlive(key)
	return readOptional(addressOf(unsafe.Pointer(answer)))
}

// Contains is true where the table has the key. Needs the grant "tables".
func Contains(table, key string) bool {
	tableAt, tableBytes := passed(table)
	keyAt, keyBytes := passed(key)
	found := tablesContains(tableAt, tableBytes, keyAt, keyBytes) != 0
	runtime.KeepAlive(table)
	runtime.KeepAlive(key)
	return found
}

// Log writes a line to the gateway's log: "debug", "info", "warn" or "error". Needs the grant "log".
func Log(level, message string) {
	logWrite(unsafe.Pointer(unsafe.StringData(level)), uint32(len(level)),
		unsafe.Pointer(unsafe.StringData(message)), uint32(len(message)))
	runtime.KeepAlive(level)
	runtime.KeepAlive(message)
}

// Now is the milliseconds since 1970. Needs the grant "clock".
func Now() uint64 {
	return clockNow()
}

// ---- Writing ----

func writeBytes(at address, first unsafe.Pointer, count int) {
	memory.kept = append(memory.kept, first)
	put32(at, addressOf(first))
	put32(at+4, uint32(count))
}

func writeText(at address, text string) {
	writeBytes(at, unsafe.Pointer(unsafe.StringData(text)), len(text))
}

func writeList[T any](at address, list []T, size uint32, write func(address, *T)) {
	first := addressOf(memory.take(uintptr(size) * uintptr(len(list))))
	put32(at, first)
	put32(at+4, uint32(len(list)))
	for i := range list {
		write(first+uint32(i)*size, &list[i])
	}
}

func writeTexts(at address, texts []string) {
	writeList(at, texts, 8, func(at address, text *string) { writeText(at, *text) })
}

func writeEffect(at address, effect *Effect) {
	switch effect.kind {
	case allows:
		put8(at, 0)
	case denies:
		put8(at, 1)
		writeText(at+4, effect.reason)
		writeText(at+12, effect.hint)
	case holds:
		put8(at, 2)
		writeText(at+4, effect.reason)
		writeTexts(at+12, effect.approvers)
		put32(at+20, effect.approvals)
		put32(at+24, effect.ttlSeconds)
	}
}

func writeProtection(at address, protection *Protection) {
	put32(at, protection.RelationOID)
	*(*int16)(pointer(at + 4)) = protection.Attribute
	put8(at+8, uint8(protection.Mask.kind))
	switch protection.Mask.kind {
	case maskFixed, maskKeyedHash:
		writeText(at+12, protection.Mask.text)
	case maskKeepFirst, maskKeepLast:
		put32(at+12, protection.Mask.characters)
	}
	put8(at+20, uint8(protection.Derived))
	put8(at+21, uint8(protection.Filter))
}

func writeValues(at address, values *Values) {
	writeBytes(at, unsafe.Pointer(unsafe.SliceData(values.Offsets)), len(values.Offsets))
	writeBytes(at+8, unsafe.Pointer(unsafe.SliceData(values.Nulls)), len(values.Nulls))
	writeBytes(at+16, unsafe.Pointer(unsafe.SliceData(values.Data)), len(values.Data))
}

// ---- Exports ----

var configured Policy

//go:wasmexport sluice:policy/hooks@0.1.0#configure
func exportConfigure(settings address, bytes uint32) address {
	text := string(unsafe.Slice((*byte)(pointer(settings)), bytes))
	at := addressOf(memory.take(12))
	put8(at, 0)
	if err := configure(text); err != nil {
		put8(at, 1)
		writeText(at+4, err.Error())
	}
	return at
}

func configure(text string) (err error) {
	defer func() {
		if recover() != nil {
			err = failure("the policy panics at its settings")
		}
	}()
	if registered == nil {
		return failure("no policy is registered")
	}
	settings := NewSettings(text)
	if settings.err != nil {
		return settings.err
	}
	configured, err = registered(settings)
	return err
}

type failure string

func (f failure) Error() string { return string(f) }

//go:wasmexport sluice:policy/hooks@0.1.0#session
func exportSession() address {
	decision := session()
	at := addressOf(memory.take(44))
	writeEffect(at, &decision.Effect)
	writeList(at+28, decision.Protections, 24, writeProtection)
	writeTexts(at+36, decision.Trusted)
	return at
}

func session() (decision SessionDecision) {
	defer func() {
		if recover() != nil {
			decision = SessionDecision{Effect: Deny("the policy failed", "")}
		}
	}()
	return configured.Session(host{})
}

//go:wasmexport sluice:policy/hooks@0.1.0#decide
func exportDecide() address {
	decision := decide()
	at := addressOf(memory.take(48))
	writeEffect(at, &decision.Effect)
	writeList(at+28, decision.Protections, 24, writeProtection)
	put8(at+36, uint8(decision.Recording))
	put8(at+37, uint8(decision.Reuse))
	writeText(at+40, decision.Note)
	return at
}

func decide() (decision Decision) {
	defer func() {
		if recover() != nil {
			decision = Decision{Effect: Deny("the policy failed", "")}
		}
	}()
	return configured.Decide(host{})
}

//go:wasmexport sluice:policy/transform@0.1.0#batch
func exportBatch(columns address, columnCount uint32, chunks address, chunkCount uint32) address {
	at := addressOf(memory.take(12))
	replaced, err := batch(columns, columnCount, chunks, chunkCount)
	if err != nil {
		put8(at, 1)
		writeText(at+4, err.Error())
		return at
	}
	put8(at, 0)
	writeList(at+4, replaced, 24, writeValues)
	return at
}

func batch(columns address, columnCount uint32, chunks address, chunkCount uint32) (replaced []Values, err error) {
	defer func() {
		if recover() != nil {
			err = failure("the transform failed")
		}
	}()
	transformer, transforms := configured.(Transformer)
	if !transforms || columnCount != chunkCount {
		return nil, failure("this policy transforms nothing")
	}
	replaced = make([]Values, chunkCount)
	for i := range chunkCount {
		column, values := readResultColumn(columns+i*52), readValues(chunks+i*24)
		if replaced[i], err = transformer.Transform(&column, values); err != nil {
			return nil, err
		}
		if replaced[i].Len() != values.Len() {
			return nil, failure("the transform changed the number of rows")
		}
	}
	return replaced, nil
}

//go:wasmexport cabi_post_sluice:policy/hooks@0.1.0#configure
func postConfigure(address) { memory.reset() }

//go:wasmexport cabi_post_sluice:policy/hooks@0.1.0#session
func postSession(address) { memory.reset() }

//go:wasmexport cabi_post_sluice:policy/hooks@0.1.0#decide
func postDecide(address) { memory.reset() }

//go:wasmexport cabi_post_sluice:policy/transform@0.1.0#batch
func postBatch(address) { memory.reset() }
