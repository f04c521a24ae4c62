use super::*;

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[tag], &length.to_be_bytes()[..], body].concat()
}

fn description(columns: &[(&str, u32, u16)]) -> Vec<u8> {
    let mut body = u16::try_from(columns.len()).unwrap().to_be_bytes().to_vec();
    for (name, type_oid, format) in columns {
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0]);
        body.extend_from_slice(&type_oid.to_be_bytes());
        body.extend_from_slice(&[0, 4, 0xff, 0xff, 0xff, 0xff]);
        body.extend_from_slice(&format.to_be_bytes());
    }
    message(b'T', &body)
}

fn row(cells: &[Option<&[u8]>]) -> Vec<u8> {
    let mut body = u16::try_from(cells.len()).unwrap().to_be_bytes().to_vec();
    for cell in cells {
        match cell {
            None => body.extend_from_slice(&(-1_i32).to_be_bytes()),
            Some(cell) => {
                body.extend_from_slice(&u32::try_from(cell.len()).unwrap().to_be_bytes());
                body.extend_from_slice(cell);
            }
        }
    }
    message(b'D', &body)
}

fn drawn(delivered: &[u8]) -> String {
    let mut out = String::new();
    draw(&pieces(delivered), &mut out);
    out
}

#[test]
fn a_result_is_drawn_as_psql_draws_it() {
    let delivered = [
        description(&[("id", 23, 1), ("name", 25, 0)]),
        row(&[Some(&[0, 0, 0, 7]), Some("Åsa".as_bytes())]),
        row(&[Some(&[0, 0, 4, 0]), None]),
        message(b'C', b"SELECT 2\0"),
    ];
    let expected = [
        "  id  | name",
        "------+------",
        "    7 | Åsa",
        " 1024 |",
        "(2 rows)",
        "SELECT 2\n",
    ];
    assert_eq!(drawn(&delivered.concat()), expected.join("\n"));
}

#[test]
fn a_result_cut_anywhere_shows_its_whole_rows() {
    let delivered = [
        description(&[("v", 25, 0)]),
        row(&[Some(b"one")]),
        row(&[Some(b"two")]),
    ];
    let delivered = delivered.concat();
    for cut in 0..delivered.len() {
        let rows: usize = pieces(&delivered[..cut])
            .iter()
            .map(|piece| {
                if let Piece::Table(table) = piece {
                    table.rows.len()
                } else {
                    0
                }
            })
            .sum();
        assert!(rows < 2);
    }
    assert!(drawn(&delivered).contains("(2 rows)"));
}

#[test]
fn rows_without_a_description_are_shown_too() {
    assert_eq!(
        drawn(&row(&[Some(b"x")])),
        " column1\n---------\n x\n(1 row)\n"
    );
}

#[test]
fn copied_rows_and_errors_are_lines() {
    let delivered = [
        message(b'd', b"1\tx\n"),
        message(b'd', b"2\ty\n"),
        message(b'E', b"SERROR\0C42501\0Mno\0Hask\0\0"),
    ];
    assert_eq!(
        drawn(&delivered.concat()),
        "1\tx\n2\ty\nERROR:  no\nHINT:  ask\n"
    );
}
