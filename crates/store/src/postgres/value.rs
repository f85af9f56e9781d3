//! Values as PostgreSQL takes and gives them.

use std::error::Error as StdError;

use ::postgres::Row;
use ::postgres::types::private::BytesMut;
use ::postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::Error;
use crate::tx::Value;

type Failed = Box<dyn StdError + Sync + Send>;

/// A whole number, however wide the expression is that it comes from.
pub(crate) struct Whole(i64);

impl From<Whole> for i64 {
    fn from(whole: Whole) -> Self {
        whole.0
    }
}

impl<'a> FromSql<'a> for Whole {
    fn from_sql(of: &Type, raw: &'a [u8]) -> Result<Self, Failed> {
        match *of {
            Type::INT4 => i32::from_sql(of, raw).map(|value| Self(value.into())),
            _ => i64::from_sql(of, raw).map(Self),
        }
    }

    fn accepts(of: &Type) -> bool {
        matches!(*of, Type::INT4 | Type::INT8)
    }
}

/// A column's value.
pub(crate) fn get<'a, T: FromSql<'a>>(row: &'a Row, at: usize) -> Result<T, Error> {
    row.try_get(at).map_err(|error| Error::Damaged(super::server::reason(&error)))
}

impl Value<'_> {
    /// What it is told as where the statement is not asked before.
    pub(crate) fn type_of(&self) -> Type {
        match self {
            Self::Null => Type::UNKNOWN,
            Self::Int(_) => Type::INT8,
            Self::Text(_) => Type::TEXT,
            Self::Bytes(_) => Type::BYTEA,
        }
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self, of: &Type, out: &mut BytesMut) -> Result<IsNull, Failed> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) if *of == Type::INT4 => i32::try_from(*value)?.to_sql(of, out),
            Self::Int(value) => value.to_sql_checked(of, out),
            Self::Text(value) => value.to_sql_checked(of, out),
            Self::Bytes(value) => value.to_sql_checked(of, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
