//! Whatever bytes come: no panic, and what is taken is a record of the layout's shape.
//!
//! `FUZZ_INPUTS=10000000 cargo test --release --no-default-features` tries so many (default 100,000).

use bkc_native::cursor::Cursor;
use bkc_native::layout::{FieldOp, Layout, Source, WireKey};
use bkc_native::transcoder::{Scratch, Transcoder};

const EVENT: &[u8] = br#"{"e":"depth","E":1789964484110,"s":"BTCUSDT","m":true,"q":null,"b":[["1.50","3"],["0.10","-2.5"]],"a":[],"r":[{"p":"1","n":7}],"k":{"t":5,"c":"x"},"i":{"z":[1,-2.5]},"zz":"new"}"#;
const PIECES: [&[u8]; 24] = [
    b"null",
    b"true",
    b"-1",
    b"1e400",
    b"9223372036854775808",
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\xff",
    b"\\",
    b"\"E\":1,",
    b"\"b\":[[",
    b"[[[[[[[[",
    b"0.1",
    b"-",
    b".",
    b"\xc3\xa9",
    b"{\"p\":\"1\"}",
    b"\x00",
    b"99999999999999999999999999999999999999",
];

fn source(slot: usize) -> Source {
    Source {
        slots: vec![slot],
        in_us: false,
    }
}

fn op(name: &str, nullable: bool, slot: usize) -> FieldOp {
    FieldOp {
        op: name.into(),
        nullable,
        zero_is_null: false,
        source: source(slot),
    }
}

fn key(name: &str, form: &str, slot: usize, keys: Vec<WireKey>, items: Vec<FieldOp>) -> WireKey {
    let required = !matches!(name, "q" | "r" | "i" | "zz");
    let (least, most) = (i64::MIN, i64::MAX);
    WireKey {
        name: name.into(),
        form: form.into(),
        slot,
        required,
        least,
        most,
        keys,
        items,
    }
}

fn plain(name: &str, form: &str, slot: usize) -> WireKey {
    key(name, form, slot, vec![], vec![])
}

fn pairs(name: &str, slot: usize) -> WireKey {
    let places = vec![plain("0", "text", 0), plain("1", "text", 1)];
    key(
        name,
        "pairs",
        slot,
        places,
        vec![op("decimal", false, 0), op("decimal", false, 1)],
    )
}

fn layout() -> Layout {
    let row = vec![plain("p", "text", 0), plain("n", "integer", 1)];
    let below = vec![plain("t", "integer", 8), plain("c", "text", 9)];
    let none = FieldOp {
        source: Source::default(),
        ..op("extra", false, 0)
    };
    Layout {
        keys: vec![
            plain("e", "text", 0),
            plain("E", "integer", 1),
            plain("s", "text", 2),
            plain("m", "boolean", 3),
            plain("q", "text", 4),
            pairs("b", 5),
            pairs("a", 6),
            key(
                "r",
                "objects",
                7,
                row,
                vec![op("decimal", false, 0), op("long", true, 1)],
            ),
            key("k", "object", 0, below, vec![]),
            plain("i", "ignored", 0),
            plain("zz", "learned", 10),
        ],
        slots: 11,
        fields: vec![
            FieldOp {
                op: "prefix".into(),
                ..none.clone()
            },
            FieldOp {
                op: "receipt".into(),
                ..none.clone()
            },
            none,
            op("long", false, 1),
            op("boolean", false, 3),
            op("decimal", true, 4),
            op("array", false, 5),
            op("array", false, 6),
            op("array", true, 7),
            op("long", false, 8),
            op("text", false, 9),
        ],
        symbol: Some(source(2)),
        record_time: Some(source(1)),
        first: Some(source(1)),
        last: Some(source(8)),
        previous: Some(source(1)),
        is_final: Some(source(3)),
        learned: vec![("zz".into(), 10)],
    }
}

/// A generator of numbers that needs no crate: xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }
}

fn mutated(random: &mut Random) -> Vec<u8> {
    let mut bytes = EVENT.to_vec();
    for _ in 0..random.below(4) {
        let at = random.below(bytes.len().max(1));
        match random.below(5) {
            0 => bytes.truncate(at),
            1 if !bytes.is_empty() => bytes[at] = random.below(256) as u8,
            2 => {
                let end = (at + random.below(20)).min(bytes.len());
                bytes.drain(at..end);
            }
            3 => {
                let end = (at + random.below(60)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            _ => {
                let piece = PIECES[random.below(PIECES.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
        }
    }
    bytes
}

fn transcode(transcoder: &Transcoder, scratch: &mut Scratch, data: &[u8]) -> Option<Vec<u8>> {
    let mut cursor = Cursor { data, at: 0 };
    transcoder.parse(&mut cursor, scratch)?;
    transcoder.encode(data, scratch, b"PREFIX", b"RECEIPT")?;
    transcoder.record_time(scratch)?;
    transcoder.ids(scratch);
    (cursor.at == data.len()).then(|| scratch.record.clone())
}

#[test]
fn the_event_as_it_is_becomes_its_record() {
    let transcoder = Transcoder::new(layout()).unwrap();
    let mut scratch = Scratch::default();
    let record = transcode(&transcoder, &mut scratch, EVENT).unwrap();

    assert_eq!(transcoder.symbol(EVENT, &scratch), Some(&b"BTCUSDT"[..]));
    assert_eq!(transcoder.unknown(&scratch).collect::<Vec<_>>(), ["zz"]);
    let ids = transcoder.ids(&scratch);
    assert_eq!((ids.first, ids.last), (1_789_964_484_110, 5));
    assert_eq!(
        (ids.previous, ids.is_final),
        (Some(1_789_964_484_110), Some(true))
    );
    assert!(record.starts_with(b"PREFIXRECEIPT\x02\x18{\"zz\":\"new\"}"));
    assert!(record.ends_with(b"\x0a\x02x"));
}

#[test]
fn random_bytes_are_taken_or_declined() {
    let inputs = std::env::var("FUZZ_INPUTS").map_or(100_000, |text| text.parse().unwrap());
    let transcoder = Transcoder::new(layout()).unwrap();
    let (mut scratch, mut random) = (Scratch::default(), Random(20_261_130));
    let (mut taken, mut declined) = (0u64, 0u64);
    for _ in 0..inputs {
        match transcode(&transcoder, &mut scratch, &mutated(&mut random)) {
            Some(record) => {
                assert!(record.starts_with(b"PREFIXRECEIPT"));
                taken += 1;
            }
            None => declined += 1,
        }
    }
    assert!(
        taken > inputs / 10 && declined > inputs / 10,
        "{taken} taken, {declined} declined"
    );
}
