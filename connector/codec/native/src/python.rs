//! The module `bkc_native`: one call a read.

use crate::cursor::Cursor;
use crate::layout::Layout;
use crate::transcoder::{Scratch, Transcoder};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};
use std::collections::HashMap;
use std::panic::{catch_unwind, AssertUnwindSafe};

const HEAD: &[u8] = b"{\"stream\":\"";
const SEPARATOR: &[u8] = b"\",\"data\":";

type Events<'py> = Bound<'py, PyList>;

/// Transcodes frames whose layout is known. Stateless but for the layouts: routes, series and their
/// prefixes are looked up anew for each event, so no change of the plan has to be told.
#[pyclass(module = "bkc_native")]
#[derive(Default)]
struct Reader {
    transcoders: HashMap<usize, (Py<PyAny>, Option<Transcoder>)>, // by the layout's address
    scratch: Scratch,
}

#[pymethods]
impl Reader {
    #[new]
    fn new() -> Self {
        Reader::default()
    }

    /// Return for each frame `(route, events)`, or None where it is left to Python.
    fn read<'py>(
        &mut self,
        py: Python<'py>,
        routes: &Bound<'py, PyDict>,
        frames: &Bound<'py, PyList>,
        receipt: &[u8],
    ) -> PyResult<Bound<'py, PyList>> {
        let results = PyList::empty(py);
        for frame in frames.iter() {
            let read = declining(|| self.frame(routes, &frame, receipt));
            results.append(read)?;
        }
        Ok(results)
    }

    /// Return the events of a payload, or None where it is left to Python.
    fn transcode<'py>(
        &mut self,
        route: &Bound<'py, PyAny>,
        payload: &[u8],
        receipt: &[u8],
    ) -> Option<Events<'py>> {
        declining(|| self.events(route, payload, receipt))
    }
}

/// A panic or an error of Python's is a bug of ours, and no reason to lose a frame.
fn declining<T>(work: impl FnOnce() -> PyResult<Option<T>>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()?.ok()?
}

/// Wire name and payload of a frame in the usual form.
fn unwrap(frame: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = frame.strip_prefix(HEAD)?.strip_suffix(b"}")?;
    let end = rest.iter().position(|&byte| byte == b'"')?;
    let (name, rest) = rest.split_at(end);
    Some((name, rest.strip_prefix(SEPARATOR)?))
}

impl Reader {
    fn frame<'py>(
        &mut self,
        routes: &Bound<'py, PyDict>,
        frame: &Bound<'py, PyAny>,
        receipt: &[u8],
    ) -> PyResult<Option<(Bound<'py, PyAny>, Events<'py>)>> {
        let frame = frame.cast::<PyBytes>()?;
        let Some((name, payload)) = unwrap(frame.as_bytes()) else {
            return Ok(None);
        };
        let Some(route) = routes.get_item(PyBytes::new(frame.py(), name))? else {
            return Ok(None);
        };
        let events = self.events(&route, payload, receipt)?;
        Ok(events.map(|events| (route, events)))
    }

    fn events<'py>(
        &mut self,
        route: &Bound<'py, PyAny>,
        payload: &[u8],
        receipt: &[u8],
    ) -> PyResult<Option<Events<'py>>> {
        let py = route.py();
        if route
            .getattr(intern!(py, "carries_other_product"))?
            .is_truthy()?
        {
            return Ok(None);
        }
        let layout = route
            .getattr(intern!(py, "codec"))?
            .getattr(intern!(py, "layout"))?;
        let Reader {
            transcoders,
            scratch,
        } = self;
        let Some(transcoder) = transcoder_of(transcoders, &layout) else {
            return Ok(None);
        };
        let mut cursor = Cursor {
            data: payload,
            at: 0,
        };
        let events = PyList::empty(py);
        let mut add = |cursor: &mut Cursor| -> PyResult<Option<()>> {
            let Some(event) = event(transcoder, scratch, route, cursor, receipt)? else {
                return Ok(None);
            };
            events.append(event)?;
            Ok(Some(()))
        };
        if cursor.eat(b'[').is_some() {
            loop {
                if add(&mut cursor)?.is_none() {
                    return Ok(None);
                }
                match cursor.goes_on(b']') {
                    Some(true) => {}
                    Some(false) => break,
                    None => return Ok(None),
                }
            }
        } else if add(&mut cursor)?.is_none() {
            return Ok(None);
        }
        Ok((cursor.at == payload.len()).then_some(events))
    }
}

fn transcoder_of<'a>(
    known: &'a mut HashMap<usize, (Py<PyAny>, Option<Transcoder>)>,
    layout: &Bound<'_, PyAny>,
) -> Option<&'a Transcoder> {
    let address = layout.as_ptr() as usize; // the entry keeps the layout alive
    if !known.contains_key(&address) {
        let transcoder = layout.extract::<Layout>().ok().and_then(Transcoder::new);
        known.insert(address, (layout.clone().unbind(), transcoder));
    }
    known[&address].1.as_ref()
}

/// `(series, value, record_time, first, last, previous, is_final, unknown)`.
fn event<'py>(
    transcoder: &Transcoder,
    scratch: &mut Scratch,
    route: &Bound<'py, PyAny>,
    cursor: &mut Cursor,
    receipt: &[u8],
) -> PyResult<Option<Bound<'py, PyTuple>>> {
    let py = route.py();
    if transcoder.parse(cursor, scratch).is_none() {
        return Ok(None);
    }
    let symbol = match transcoder.symbol(cursor.data, scratch) {
        Some(symbol) => PyString::from_bytes(py, symbol)?.into_any(),
        None => route.getattr(intern!(py, "symbol"))?,
    };
    let by_symbol = route.getattr(intern!(py, "series"))?;
    let Some(series) = by_symbol.cast::<PyDict>()?.get_item(symbol)? else {
        return Ok(None);
    };
    let prefix = series.getattr(intern!(py, "record_prefix"))?;
    let prefix = prefix.cast::<PyBytes>()?.as_bytes();
    if transcoder
        .encode(cursor.data, scratch, prefix, receipt)
        .is_none()
    {
        return Ok(None);
    }
    let Some(record_time) = transcoder.record_time(scratch) else {
        return Ok(None);
    };
    let value = PyBytes::new(py, &scratch.record);
    let ids = transcoder.ids(scratch);
    let mut unknown = transcoder.unknown(scratch).peekable();
    let unknown = match unknown.peek() {
        Some(_) => Some(PyTuple::new(py, unknown.collect::<Vec<_>>())?),
        None => None,
    };
    let fields = (
        series,
        value,
        record_time,
        ids.first,
        ids.last,
        ids.previous,
        ids.is_final,
        unknown,
    );
    fields.into_pyobject(py).map(Some)
}

#[pymodule]
fn bkc_native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<Reader>()
}
