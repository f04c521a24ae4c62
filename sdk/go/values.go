package sluice

// Values are the values of one column of some rows: value i is Data[Offsets[i]:Offsets[i+1]].
type Values struct {
	Offsets []uint32
	// One bit a row, lowest first, 1 is NULL; or none where no value is NULL.
	Nulls []byte
	Data  []byte
}

// Len is how many there are.
func (v Values) Len() int {
	return len(v.Offsets) - 1
}

// IsNull is true where the value of that row is NULL.
func (v Values) IsNull(row int) bool {
	return len(v.Nulls) > 0 && v.Nulls[row/8]>>(row%8)&1 == 1
}

// Map replaces each value by what replace appends for it. NULL stays NULL.
func (v Values) Map(replace func(value, replaced []byte) []byte) Values {
	replaced := make([]byte, 0, len(v.Data)+len(v.Data)/4)
	ends := make([]uint32, len(v.Offsets))
	for row := range v.Len() {
		if !v.IsNull(row) {
			replaced = replace(v.Data[v.Offsets[row]:v.Offsets[row+1]], replaced)
		}
		ends[row+1] = uint32(len(replaced))
	}
	return Values{Offsets: ends, Nulls: v.Nulls, Data: replaced}
}

const stars = "****************"

// Stars appends that many stars.
func Stars(to []byte, count int) []byte {
	for ; count > len(stars); count -= len(stars) {
		to = append(to, stars...)
	}
	return append(to, stars[:count]...)
}

// Characters is how many characters of UTF-8 begin in the value.
func Characters(value []byte) int {
	count := 0
	for _, b := range value {
		if b&0xc0 != 0x80 {
			count++
		}
	}
	return count
}
