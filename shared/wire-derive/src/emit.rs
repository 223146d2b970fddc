//! The code that reads a type.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DataEnum, DeriveInput, Error, Field, Fields, Ident, Result, Variant};

use crate::attributes::{self, Case, Container, all_apart, inside_option};

pub(crate) fn wire(input: &DeriveInput) -> Result<TokenStream> {
    let container = attributes::container(&input.attrs)?;
    let says_more = container.is_strict || container.expecting.is_some();
    let has_no_names = container.try_from.is_some() && (says_more || !matches!(container.case, Case::AsIs));
    if has_no_names || says_more && matches!(input.data, Data::Enum(_)) {
        return Err(Error::new(
            input.ident.span(),
            "Wire knows rename_all of structs and enums, and the rest of structs",
        ));
    }
    let body = match (&container.try_from, &input.data) {
        (Some(inner), _) => quote! {
            let written = <#inner as ::policy_core::config::Wire>::read(json, reader)?;
            reader.checked(<Self as ::core::convert::TryFrom<#inner>>::try_from(written))
        },
        (None, Data::Struct(data)) => structure(&input.ident, &data.fields, &container)?,
        (None, Data::Enum(data)) => enumeration(&input.ident, data, &container)?,
        (None, Data::Union(_)) => return Err(Error::new(input.ident.span(), "a union cannot be read")),
    };
    let name = &input.ident;
    let mut generics = input.generics.clone();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(syn::parse_quote!(::policy_core::config::Wire));
    }
    let (parameters, arguments, conditions) = generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #parameters ::policy_core::config::Wire for #name #arguments #conditions {
            fn read(
                json: &::policy_core::json::Json,
                reader: &mut ::policy_core::config::Reader,
            ) -> ::core::option::Option<Self> {
                #body
            }
        }
    })
}

/// One field: how its local is filled, and whether reading fails without it.
struct Read {
    local: Ident,
    fill: TokenStream,
    is_required: bool,
}

/// All fields are read before it is asked whether one is missing: one place to give up in, and not one for each field.
fn structure(name: &Ident, fields: &Fields, container: &Container) -> Result<TokenStream> {
    let Fields::Named(fields) = fields else {
        return Err(Error::new(name.span(), "a struct without named fields is read by try_from"));
    };
    if !container.is_strict {
        return Err(Error::new(
            name.span(),
            "say deny_unknown_fields, as the schema has to: Wire reads strictly",
        ));
    }
    let (mut names, mut reads) = (Vec::new(), Vec::new());
    for one in &fields.named {
        let (written, read) = field(one, container)?;
        names.push(written);
        reads.push(read);
    }
    all_apart(&names, name)?;
    let expected = container.expecting.as_ref().map_or_else(|| "an object".to_owned(), syn::LitStr::value);
    let locals: Vec<_> = reads.iter().map(|read| &read.local).collect();
    let fills = reads.iter().map(|read| &read.fill);
    let required: Vec<_> = reads.iter().filter(|read| read.is_required).map(|read| &read.local).collect();
    Ok(quote! {
        let members = reader.members(json, #expected, &[#(#names),*])?;
        #(let #locals = #fills;)*
        match (#(#required,)*) {
            (#(::core::option::Option::Some(#required),)*) => ::core::option::Option::Some(Self { #(#locals),* }),
            #[allow(unreachable_patterns, reason = "where nothing is required")]
            _ => ::core::option::Option::None,
        }
    })
}

fn field(field: &Field, container: &Container) -> Result<(String, Read)> {
    let member = attributes::member(&field.attrs)?;
    let Some(local) = field.ident.clone() else {
        return Err(Error::new_spanned(field, "a field without a name is read by try_from"));
    };
    let written = member.rename.unwrap_or_else(|| container.case.of_field(&local));
    let is_required = member.default.is_none() && inside_option(&field.ty).is_none();
    let fill = match (member.default, inside_option(&field.ty)) {
        (Some(default), _) => quote!(reader.or(members, #written, #default)),
        (None, Some(_)) => quote!(reader.optional(members, #written)),
        (None, None) => quote!(reader.required(members, #written)),
    };
    Ok((written, Read { local, fill, is_required }))
}

fn enumeration(name: &Ident, data: &DataEnum, container: &Container) -> Result<TokenStream> {
    let (mut names, mut arms) = (Vec::new(), Vec::new());
    let is_words = data.variants.iter().all(|variant| matches!(variant.fields, Fields::Unit));
    for (index, one) in data.variants.iter().enumerate() {
        let (written, value) = variant(one, container, is_words)?;
        arms.push(quote!(#index => #value));
        names.push(written);
    }
    all_apart(&names, name)?;
    let found = if is_words {
        quote!(let index = reader.word(json, &[#(#names),*])?;)
    } else {
        quote!(let (index, content) = reader.variant(json, &[#(#names),*])?;)
    };
    Ok(quote! {
        #found
        match index {
            #(#arms,)*
            _ => ::core::option::Option::None,
        }
    })
}

fn variant(variant: &Variant, container: &Container, is_words: bool) -> Result<(String, TokenStream)> {
    let member = attributes::member(&variant.attrs)?;
    let name = &variant.ident;
    let written = member.rename.unwrap_or_else(|| container.case.of_variant(name));
    let value = match &variant.fields {
        Fields::Unit if is_words => quote!(::core::option::Option::Some(Self::#name)),
        Fields::Unit => quote!(reader.bare(#written, content, Self::#name)),
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
            quote!(reader.content(#written, content, ::policy_core::config::Wire::read).map(Self::#name))
        }
        _ => return Err(Error::new(name.span(), "a variant has no content, or one value")),
    };
    Ok((written, value))
}
