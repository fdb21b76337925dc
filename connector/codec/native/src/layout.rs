//! What Python says of a kind: the classes of `connector/codec/native/layout.py`, by the same names.

#[cfg(feature = "python")]
use pyo3::prelude::FromPyObject;

/// Slots of wire values, the first present one counts.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "python", derive(FromPyObject))]
pub struct Source {
    pub slots: Vec<usize>,
    pub in_us: bool,
}

/// One field of a record.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "python", derive(FromPyObject))]
pub struct FieldOp {
    pub op: String,
    pub nullable: bool,
    pub zero_is_null: bool,
    pub source: Source,
}

/// One key of a JSON object, or one place of a pair.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "python", derive(FromPyObject))]
pub struct WireKey {
    pub name: String,
    pub form: String,
    pub slot: usize,
    pub required: bool,
    pub least: i64,
    pub most: i64,
    pub keys: Vec<WireKey>,
    pub items: Vec<FieldOp>,
}

/// Everything that is needed to transcode the events of one codec.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "python", derive(FromPyObject))]
pub struct Layout {
    pub keys: Vec<WireKey>,
    pub slots: usize,
    pub fields: Vec<FieldOp>,
    pub symbol: Option<Source>,
    pub record_time: Option<Source>,
    pub first: Option<Source>,
    pub last: Option<Source>,
    pub previous: Option<Source>,
    pub is_final: Option<Source>,
    pub learned: Vec<(String, usize)>,
}
