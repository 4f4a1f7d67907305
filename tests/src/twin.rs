//! The same words through the reference tool and through Vetch, each on a machine of its own, compared as data.
