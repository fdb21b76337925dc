//! One event's JSON to the bytes of its record, in one pass each way. `None`: left to Python.

use crate::avro;
use crate::cursor::{Cursor, Span};
use crate::layout::{FieldOp, Layout, Source, WireKey};
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

const MAX_KEYS: usize = 64; // of one object: a bit each

/// What the wire has for a slot; of arrays, `span` is a part of `Scratch::blocks`.
#[derive(Clone, Copy, Default)]
struct Value {
    present: bool,
    integer: i64, // number, truth (0 or 1), or count of an array's items
    span: Span,
}

enum Form {
    Text,
    Integer {
        least: i64,
        most: i64,
    },
    Boolean,
    Object(Node),
    Pairs {
        places: Vec<Key>,
        ops: Vec<Op>,
    },
    Objects {
        node: Node,
        ops: Vec<Op>,
        slots: usize,
    },
    Ignored,
    Learned,
}

struct Key {
    quoted: Vec<u8>, // `"name":`
    slot: usize,
    required: bool,
    form: Form,
}

struct Node {
    keys: Vec<Key>,
    required: u64,           // a bit for each key
    follower: Vec<AtomicU8>, // of each key: which one came behind it last time; first: of none
}

enum Write {
    Prefix,
    Receipt,
    Extra,
    Null,
    Long,
    Decimal,
    Text,
    Boolean,
    Array,
}

struct Op {
    write: Write,
    nullable: bool,
    zero_is_null: bool,
    source: Source,
}

/// Memory that is used again for each event.
#[derive(Default)]
pub struct Scratch {
    values: Vec<Value>,
    items: Vec<Value>,
    blocks: Vec<u8>, // items of all arrays of the event, encoded
    pub record: Vec<u8>,
}

/// An event's ids, as `Tracker.observe` takes them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ids {
    pub first: i64,
    pub last: i64,
    pub previous: Option<i64>,
    pub is_final: Option<bool>,
}

pub struct Transcoder {
    root: Node,
    slots: usize,
    ops: Vec<Op>,
    layout: Layout,
    learned_openings: Vec<Vec<u8>>, // `"name":` of each
}

impl Transcoder {
    /// `None`: the layout has something that is not known here.
    pub fn new(layout: Layout) -> Option<Self> {
        let learned_openings = layout
            .learned
            .iter()
            .map(|(name, _)| quoted(name))
            .collect();
        Some(Transcoder {
            root: node(&layout.keys)?,
            slots: layout.slots,
            ops: ops(&layout.fields)?,
            learned_openings,
            layout,
        })
    }

    /// Read one event, from `{` to `}`.
    #[inline]
    pub fn parse(&self, cursor: &mut Cursor, scratch: &mut Scratch) -> Option<()> {
        scratch.blocks.clear();
        let mut values = std::mem::take(&mut scratch.values);
        values.clear();
        values.resize(self.slots, Value::default());
        let parsed = object(&self.root, cursor, &mut values, scratch);
        scratch.values = values;
        parsed
    }

    /// The symbol on the wire; `None`: there is none, or an empty one.
    pub fn symbol<'a>(&self, data: &'a [u8], scratch: &Scratch) -> Option<&'a [u8]> {
        let value = first_present(self.layout.symbol.as_ref()?, &scratch.values);
        let text = value.span.of(data);
        (value.present && !text.is_empty()).then_some(text)
    }

    /// Write the record into `scratch.record`. `prefix`, `receipt`: as `connector/codec/framing.py` makes them.
    #[inline]
    pub fn encode(
        &self,
        data: &[u8],
        scratch: &mut Scratch,
        prefix: &[u8],
        receipt: &[u8],
    ) -> Option<()> {
        let Scratch {
            values,
            blocks,
            record,
            ..
        } = scratch;
        record.clear();
        for op in &self.ops {
            match op.write {
                Write::Prefix => record.extend_from_slice(prefix),
                Write::Receipt => record.extend_from_slice(receipt),
                Write::Extra => self.extra(data, values, record),
                _ => write(op, data, values, blocks, record)?,
            }
        }
        Some(())
    }

    /// `extra`: null, or a JSON object of the learned keys that the event has.
    fn extra(&self, data: &[u8], values: &[Value], record: &mut Vec<u8>) {
        let mut length = 1; // `{` or `,` before each member, and `}`
        for (opening, value) in self.learned(values) {
            length += 1 + opening.len() + (value.span.end - value.span.start);
        }
        if length == 1 {
            record.push(0);
            return;
        }
        record.push(2);
        avro::long(length as i64, record);
        for (number, (opening, value)) in self.learned(values).enumerate() {
            record.push(if number == 0 { b'{' } else { b',' });
            record.extend_from_slice(opening);
            record.extend_from_slice(value.span.of(data));
        }
        record.push(b'}');
    }

    fn learned<'a>(
        &'a self,
        values: &'a [Value],
    ) -> impl Iterator<Item = (&'a Vec<u8>, &'a Value)> {
        let slots = self.layout.learned.iter().map(|(_, slot)| &values[*slot]);
        self.learned_openings
            .iter()
            .zip(slots)
            .filter(|(_, value)| value.present)
    }

    /// Names of the learned keys that the event has.
    pub fn unknown<'a>(&'a self, scratch: &'a Scratch) -> impl Iterator<Item = &'a str> {
        let learned = self.layout.learned.iter();
        learned
            .filter(|(_, slot)| scratch.values[*slot].present)
            .map(|(name, _)| name.as_str())
    }

    /// Epoch milliseconds of the record time. Outer `None`: the wire lacks what Python asks for.
    pub fn record_time(&self, scratch: &Scratch) -> Option<Option<i64>> {
        let Some(source) = &self.layout.record_time else {
            return Some(None);
        };
        let value = first_present(source, &scratch.values);
        if !value.present {
            return (!source.in_us).then_some(None);
        }
        Some(Some(in_ms(source, value)))
    }

    pub fn ids(&self, scratch: &Scratch) -> Ids {
        let values = &scratch.values;
        let edge = |source: &Option<Source>| match source {
            Some(source) => in_ms(source, first_present(source, values)),
            None => 0,
        };
        let previous = self
            .layout
            .previous
            .as_ref()
            .map(|source| first_present(source, values));
        let is_final = match &self.layout.is_final {
            None => Some(true),
            Some(source) => {
                let value = first_present(source, values);
                value.present.then_some(value.integer != 0)
            }
        };
        Ids {
            first: edge(&self.layout.first),
            last: edge(&self.layout.last),
            previous: previous
                .filter(|value| value.present)
                .map(|value| value.integer),
            is_final,
        }
    }
}

// From a layout

fn quoted(name: &str) -> Vec<u8> {
    [b"\"", name.as_bytes(), b"\":"].concat()
}

fn node(wire_keys: &[WireKey]) -> Option<Node> {
    let keys = wire_keys.iter().map(key).collect::<Option<Vec<_>>>()?;
    if keys.is_empty() || keys.len() > MAX_KEYS {
        return None;
    }
    let required = keys.iter().enumerate().filter(|(_, key)| key.required);
    let required = required.fold(0, |bits, (number, _)| bits | 1 << number);
    let follower = (0..=keys.len()).map(|number| AtomicU8::new((number % keys.len()) as u8));
    Some(Node {
        follower: follower.collect(),
        keys,
        required,
    })
}

fn key(wire: &WireKey) -> Option<Key> {
    let form = match wire.form.as_str() {
        "text" => Form::Text,
        "integer" => Form::Integer {
            least: wire.least,
            most: wire.most,
        },
        "boolean" => Form::Boolean,
        "object" => Form::Object(node(&wire.keys)?),
        "pairs" => {
            let places = wire.keys.iter().map(key).collect::<Option<Vec<_>>>()?;
            Form::Pairs {
                places,
                ops: ops(&wire.items)?,
            }
        }
        "objects" => {
            let (node, ops) = (node(&wire.keys)?, ops(&wire.items)?);
            Form::Objects {
                slots: node.keys.len(),
                node,
                ops,
            }
        }
        "ignored" => Form::Ignored,
        "learned" => Form::Learned,
        _ => return None,
    };
    Some(Key {
        quoted: quoted(&wire.name),
        slot: wire.slot,
        required: wire.required,
        form,
    })
}

fn ops(fields: &[FieldOp]) -> Option<Vec<Op>> {
    fields.iter().map(op).collect()
}

fn op(field: &FieldOp) -> Option<Op> {
    let write = match field.op.as_str() {
        "prefix" => Write::Prefix,
        "receipt" => Write::Receipt,
        "extra" => Write::Extra,
        "null" => Write::Null,
        "long" => Write::Long,
        "decimal" => Write::Decimal,
        "text" => Write::Text,
        "boolean" => Write::Boolean,
        "array" => Write::Array,
        _ => return None,
    };
    let (nullable, zero_is_null) = (field.nullable, field.zero_is_null);
    Some(Op {
        write,
        nullable,
        zero_is_null,
        source: field.source.clone(),
    })
}

// From JSON

fn object(
    node: &Node,
    cursor: &mut Cursor,
    values: &mut [Value],
    scratch: &mut Scratch,
) -> Option<()> {
    cursor.eat(b'{')?;
    let (mut seen, mut before) = (0u64, 0);
    if cursor.eat(b'}').is_none() {
        loop {
            let number = next_key(node, before, cursor.rest())?;
            if seen & (1 << number) != 0 {
                return None; // a key twice
            }
            seen |= 1 << number;
            before = number + 1;
            let key = &node.keys[number];
            cursor.at += key.quoted.len();
            read(key, cursor, values, scratch)?;
            if !cursor.goes_on(b'}')? {
                break;
            }
        }
    }
    (seen & node.required == node.required).then_some(())
}

/// The number of the key that comes now; `before` is 1 + the number of the one before it, or 0.
#[inline(always)]
fn next_key(node: &Node, before: usize, rest: &[u8]) -> Option<usize> {
    let expected = node.follower[before].load(Relaxed) as usize;
    if rest.starts_with(&node.keys[expected].quoted) {
        return Some(expected);
    }
    let found = node
        .keys
        .iter()
        .position(|key| rest.starts_with(&key.quoted))?;
    node.follower[before].store(found as u8, Relaxed);
    Some(found)
}

#[inline(always)]
fn read(key: &Key, cursor: &mut Cursor, values: &mut [Value], scratch: &mut Scratch) -> Option<()> {
    let is_null = cursor.peek()? == b'n';
    let value = match &key.form {
        Form::Object(node) => return object(node, cursor, values, scratch),
        Form::Ignored => return cursor.skip().map(drop),
        Form::Learned => Value {
            present: true,
            span: cursor.skip()?,
            ..Value::default()
        },
        _ if is_null => {
            cursor.word(b"null")?;
            if key.required {
                return None;
            }
            Value::default()
        }
        Form::Pairs { places, ops } => pairs(places, ops, cursor, scratch)?,
        Form::Objects { node, ops, slots } => objects(node, ops, *slots, cursor, scratch)?,
        form => leaf(form, cursor)?,
    };
    values[key.slot] = value;
    Some(())
}

#[inline(always)]
fn leaf(form: &Form, cursor: &mut Cursor) -> Option<Value> {
    let mut value = Value {
        present: true,
        ..Value::default()
    };
    match form {
        Form::Text => value.span = cursor.text()?,
        Form::Integer { least, most } => {
            value.integer = cursor.integer()?;
            if value.integer < *least || value.integer > *most {
                return None;
            }
        }
        Form::Boolean => {
            let is_true = cursor.peek()? == b't';
            cursor.word(if is_true { b"true" } else { b"false" })?;
            value.integer = i64::from(is_true);
        }
        _ => return None,
    }
    Some(value)
}

/// An array of arrays of one length: `[["1.5","3"],...]`.
fn pairs(places: &[Key], ops: &[Op], cursor: &mut Cursor, scratch: &mut Scratch) -> Option<Value> {
    let Scratch { items, blocks, .. } = scratch;
    items.clear();
    items.resize(places.len(), Value::default());
    array(cursor, blocks, |cursor, blocks| {
        cursor.eat(b'[')?;
        for (number, place) in places.iter().enumerate() {
            if number > 0 {
                cursor.eat(b',')?;
            }
            items[number] = leaf(&place.form, cursor)?;
        }
        cursor.eat(b']')?;
        write_all(ops, cursor.data, items, blocks)
    })
}

/// An array of objects without arrays in them.
fn objects(
    node: &Node,
    ops: &[Op],
    slots: usize,
    cursor: &mut Cursor,
    scratch: &mut Scratch,
) -> Option<Value> {
    let mut items = std::mem::take(&mut scratch.items);
    let mut blocks = std::mem::take(&mut scratch.blocks);
    let value = array(cursor, &mut blocks, |cursor, blocks| {
        items.clear();
        items.resize(slots, Value::default());
        object(node, cursor, &mut items, scratch)?;
        write_all(ops, cursor.data, &items, blocks)
    });
    (scratch.items, scratch.blocks) = (items, blocks);
    value
}

/// Read the items of an array, each by `item`, which appends it to the blocks.
#[inline(always)]
fn array(
    cursor: &mut Cursor,
    blocks: &mut Vec<u8>,
    mut item: impl FnMut(&mut Cursor, &mut Vec<u8>) -> Option<()>,
) -> Option<Value> {
    cursor.eat(b'[')?;
    let start = blocks.len();
    let mut count = 0;
    if cursor.eat(b']').is_none() {
        loop {
            item(cursor, blocks)?;
            count += 1;
            if !cursor.goes_on(b']')? {
                break;
            }
        }
    }
    Some(Value {
        present: true,
        integer: count,
        span: Span {
            start,
            end: blocks.len(),
        },
    })
}

// To Avro

fn first_present(source: &Source, values: &[Value]) -> Value {
    let present = source
        .slots
        .iter()
        .map(|slot| values[*slot])
        .find(|value| value.present);
    present.unwrap_or_default()
}

fn in_ms(source: &Source, value: Value) -> i64 {
    if source.in_us {
        value.integer.div_euclid(1000)
    } else {
        value.integer
    }
}

fn write_all(ops: &[Op], data: &[u8], values: &[Value], out: &mut Vec<u8>) -> Option<()> {
    ops.iter()
        .try_for_each(|op| write(op, data, values, &[], out))
}

#[inline(always)]
fn write(op: &Op, data: &[u8], values: &[Value], blocks: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let value = first_present(&op.source, values);
    let is_empty = matches!(op.write, Write::Decimal) && value.span.start == value.span.end;
    let is_zero = op.zero_is_null && value.integer == 0;
    if !value.present || is_empty || is_zero {
        if !op.nullable {
            return None;
        }
        out.push(0);
        return Some(());
    }
    if op.nullable {
        out.push(2);
    }
    match op.write {
        Write::Long => avro::long(in_ms(&op.source, value), out),
        Write::Decimal => avro::decimal(value.span.of(data), out)?,
        Write::Text => avro::bytes(value.span.of(data), out),
        Write::Boolean => out.push(value.integer as u8),
        Write::Array => {
            if value.integer > 0 {
                avro::long(value.integer, out);
                out.extend_from_slice(value.span.of(blocks));
            }
            out.push(0);
        }
        Write::Prefix | Write::Receipt | Write::Extra | Write::Null => return None,
    }
    Some(())
}
