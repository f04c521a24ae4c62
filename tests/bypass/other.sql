-- Other values in the protected columns: what a way tells by inference is then another.

SET client_min_messages = warning;
SET session_replication_role = replica;

UPDATE customers SET email = 'bzp' || lpad((1000 - id)::text, 4, '0') || repeat('z', id % 7) || '@other.example',
    phone = CASE WHEN id % 2 = 0 THEN '0' || id END,
    password_hash = CASE WHEN id % 2 = 0 THEN 'same' ELSE 'h' || id END, address = 'A' || (id % 3);
UPDATE payments SET card_number = 'C' || id % 2 WHERE card_number IS NOT NULL;
UPDATE payments SET iban = 'I' || id % 2 WHERE iban IS NOT NULL;
UPDATE api_tokens SET api_key = 'k' || id;
UPDATE staff.employees SET ssn = '1' || id, salary = 1000 - id;
UPDATE vault.people SET secret = CASE WHEN id > 2 THEN repeat('w', 9 - id) END;
UPDATE vault.only SET "interval" = 'i', "values" = 'v';
UPDATE ONLY vault.heirs SET secret = CASE WHEN id = 2 THEN 's' ELSE '0' END;
UPDATE vault.heir SET secret = CASE WHEN id = 2 THEN 's' ELSE '1' END;
UPDATE vault.late SET secret = 'l';
UPDATE vault.events SET secret = 'e';
UPDATE vault.parent SET secret = 'p';
UPDATE vault.watched SET secret = 'w';
UPDATE vault.tricked_if SET secret = 'w';
UPDATE vault.tricked_when SET secret = 'w';
UPDATE vault.found SET secret = repeat('w', 10 - id);
UPDATE vault.limited SET secret = id;
UPDATE vault.graded SET secret = 'b';
UPDATE vault.trunk SET note = 't';
UPDATE vault.types SET c_text = 't' || id, c_int = id, c_big = 9 - id, c_numeric = id, c_date = date '2001-01-01' + id, c_uuid = md5(id::text)::uuid,
    c_jsonb = '{"other": 1}', c_texts = ARRAY['x'], c_ints = ARRAY[1, 2, 3], c_range = int4range(1, 5), c_mood = 'calm73519284',
    c_bytea = '\x01', c_inet = '10.0.0.1', c_bit = B'0'::bit(40), c_point = point(1, id), c_stamp = '2001-01-01', c_hstore = 'a=>1',
    c_tsv = 'other', c_money = 1, c_interval = '1 day', c_xml = '<b/>', c_pair = ROW('a', 'b');
REFRESH MATERIALIZED VIEW vault.contacts;
REFRESH MATERIALIZED VIEW vault.shouts;
REFRESH MATERIALIZED VIEW vault.documents;
ANALYZE;
UPDATE vault.overseen SET secret = 'amberyak', label = '';
UPDATE vault.overseen_rows SET secret = 'amberyak', label = '';
UPDATE vault.summed SET secret = 0;
UPDATE vault.compared SET secret = 0;
UPDATE vault.passed_on SET secret = 1000;
UPDATE vault.passed_by_key SET secret = 1000;
UPDATE vault.field_checked SET pair.secret = 1000;
UPDATE vault.field_within SET pair.secret = 1000;
UPDATE vault.field_indexed SET pair.secret = 0;
UPDATE vault.overseen_whole SET secret = 0, label = '';
UPDATE vault.raised SET secret = 0;
UPDATE vault.raised_by_setting SET secret = 0;
UPDATE vault.cleared SET secret = 1000;
UPDATE vault.restored SET secret = 1000;
UPDATE vault.made_of SET secret = 0;
UPDATE vault.made_of SET label = '', size = 10;
UPDATE vault.numbered_parts SET secret = 0;
UPDATE vault.managed SET secret = 50 WHERE id = 100;
UPDATE vault.doubled SET secret = 1000;
UPDATE vault.bounded SET secret = 1000;
UPDATE vault.same_again SET secret = 'amberyak';
UPDATE vault.worded_by_domain SET secret = 'amberyak';
UPDATE vault.given_back SET secret = 1000;
UPDATE vault.led SET secret = 1000 WHERE id = 2;
UPDATE vault.released SET secret = 1000 WHERE id = 2;
UPDATE vault.keyed_parts SET secret = 1000;
UPDATE vault.counted_down SET secret = 0;
UPDATE vault.shortened SET secret = 'a';
UPDATE vault.touched SET secret = 'amberyak';
UPDATE vault.touched_one SET secret = 'amberyak';
UPDATE vault.touched_by_path SET secret = 'amberyak';
UPDATE vault.touched_made SET secret = NULL;
UPDATE vault.touched_parts SET secret = NULL;
UPDATE vault.numbered_late SET secret = NULL;
UPDATE vault.equalled SET secret = NULL;
UPDATE vault.equalled_late SET secret = 'AMBERYAK';
UPDATE vault.risen SET secret = 40;
UPDATE vault.unsunk SET secret = 1000;
