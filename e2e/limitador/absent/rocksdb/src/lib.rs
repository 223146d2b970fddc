//! RocksDB, absent: limitador compiles its Redis storage only together with its disk storage, and RocksDB takes a quarter
//! of an hour of C++. No database can be opened here, and what only an open one could do has no value to do it with.

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

/// A database, of which there is none.
pub type DB = DBWithThreadMode<MultiThreaded>;

/// What has no value.
enum Nothing {}

/// A database, of which there is none.
pub struct DBWithThreadMode<T> {
    nothing: Nothing,
    mode: PhantomData<T>,
}

/// A parameter of the above.
pub struct MultiThreaded;

/// The entries of a database.
pub struct Entries(Nothing);

/// Says that there is no database.
#[derive(Debug)]
pub struct Error;

/// Kinds of errors, of which neither occurs.
#[derive(Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "RocksDB's")]
pub enum ErrorKind {
    TimedOut,
    TryAgain,
    NotSupported,
}

/// Where entries begin.
#[allow(missing_docs, reason = "RocksDB's")]
pub enum IteratorMode {
    Start,
}

/// How they are compressed.
#[allow(missing_docs, reason = "RocksDB's")]
pub enum DBCompressionType {
    None,
    Bz2,
}

/// Whether a compaction keeps one.
#[allow(missing_docs, reason = "RocksDB's")]
pub enum CompactionDecision {
    Keep,
    Remove,
}

/// How a database is opened. All of it is forgotten.
#[derive(Default)]
pub struct Options;

/// The values that a merge is of.
pub struct MergeOperands(Nothing);

type Bytes = Box<[u8]>;

#[allow(missing_docs, reason = "RocksDB's")]
impl Options {
    pub fn create_if_missing(&mut self, _: bool) {}

    pub fn set_compression_type(&mut self, _: DBCompressionType) {}

    pub fn set_compaction_filter<F>(&mut self, _: &str, _: F)
    where
        F: FnMut(u32, &[u8], &[u8]) -> CompactionDecision + Send + 'static,
    {
    }

    pub fn set_merge_operator_associative<F>(&mut self, _: &str, _: F)
    where
        F: Fn(&[u8], Option<&[u8]>, &MergeOperands) -> Option<Vec<u8>> + Clone + Send + Sync + 'static,
    {
    }
}

#[allow(missing_docs, clippy::missing_errors_doc, reason = "RocksDB's")]
impl<T> DBWithThreadMode<T> {
    pub fn open<P: AsRef<Path>>(_: &Options, _: P) -> Result<Self, Error> {
        Err(Error)
    }

    pub fn get<K: AsRef<[u8]>>(&self, _: K) -> Result<Option<Vec<u8>>, Error> {
        match self.nothing {}
    }

    pub fn merge<K: AsRef<[u8]>, V: AsRef<[u8]>>(&self, _: K, _: V) -> Result<(), Error> {
        match self.nothing {}
    }

    pub fn delete<K: AsRef<[u8]>>(&self, _: K) -> Result<(), Error> {
        match self.nothing {}
    }

    pub fn iterator(&self, _: IteratorMode) -> Entries {
        match self.nothing {}
    }

    pub fn prefix_iterator<P: AsRef<[u8]>>(&self, _: P) -> Entries {
        match self.nothing {}
    }
}

impl Iterator for Entries {
    type Item = Result<(Bytes, Bytes), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.0 {}
    }
}

impl<'a> IntoIterator for &'a MergeOperands {
    type Item = &'a [u8];
    type IntoIter = std::iter::Empty<&'a [u8]>;

    fn into_iter(self) -> Self::IntoIter {
        match self.0 {}
    }
}

impl Error {
    /// Always the same.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::NotSupported
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this build has no disk storage")
    }
}

impl std::error::Error for Error {}
