//! Whatever the shapes and the document, what one side writes the other reads.

use proptest::prelude::*;
use serde_json::{Value, json};
use tidegate_wire::Call;

use crate::{
    exchange::{Request, leak, wire_of},
    random_shapes::{Element, Forms, Shape, form, params, service, table},
};

fn accepted(shape: &Shape, protocols: &[&str], request: Request) -> Call {
    let wire = wire_of(&[leak(&table(shape, protocols))]);
    request.to(&wire).unwrap_or_else(|refusal| panic!("{}", String::from_utf8_lossy(refusal.body())))
}

proptest! {
    #[test]
    fn json_is_read_and_written_as_it_is((shape, document) in service()) {
        let request = Request::json("random", "Random.Echo", document.to_string());
        let call = accepted(&shape, &["json-1.1"], request);
        prop_assert_eq!(&call.input, &document);
        prop_assert_eq!(&serde_json::from_slice::<Value>(call.succeed(&document).body()).unwrap(), &document);
    }

    #[test]
    fn query_parameters_are_read_as_their_client_meant((shape, document) in service()) {
        let body = format!("Action=Echo&Version=2026-01-01{}", form(&params(Forms::Query, &shape, &document)));
        let call = accepted(&shape, &["query"], Request::query("random", body));
        prop_assert_eq!(call.input, document);
    }

    #[test]
    fn query_answers_are_read_as_they_were_meant((shape, document) in service()) {
        let call = accepted(&shape, &["query"], Request::query("random", "Action=Echo&Version=2026-01-01"));
        let response = call.succeed(&document);
        let root = Element::parse(response.body());
        prop_assert_eq!(&root.name, "EchoResponse");
        prop_assert_eq!(&root.child("ResponseMetadata").child("RequestId").text, &call.request_id);
        prop_assert_eq!(root.child("EchoResult").document(&shape), document);
    }

    #[test]
    fn ec2_parameters_are_read_as_their_client_meant((shape, document) in service()) {
        let body = format!("Action=Echo&Version=2026-01-01{}", form(&params(Forms::Ec2, &shape, &document)));
        let call = accepted(&shape, &["ec2"], Request::query("random", body));
        prop_assert_eq!(call.input, document);
    }

    #[test]
    fn cbor_comes_back_as_it_went((shape, document) in service()) {
        let request = |body: Vec<u8>| Request::cbor("random", "Random", "Echo", body);
        let protocols = ["smithy-rpc-v2-cbor", "json-1.0"];
        let response = accepted(&shape, &protocols, request(vec![0xa0])).succeed(&document);
        prop_assert_eq!(&response.headers()["smithy-protocol"], "rpc-v2-cbor");
        let call = accepted(&shape, &protocols, request(response.body().to_vec()));
        prop_assert_eq!(call.input, document);
    }

    #[test]
    fn any_text_makes_well_formed_xml(text in any::<String>()) {
        let member = crate::random_shapes::Member {
            name: "Text".into(), location: None, query: None, flattened: false, shape: Shape::String,
        };
        let shape = Shape::Structure(vec![member]);
        let call = accepted(&shape, &["query"], Request::query("random", "Action=Echo&Version=2026-01-01"));
        let response = call.succeed(&json!({ "Text": text }));
        let read = Element::parse(response.body()).child("EchoResult").child("Text").text.clone();
        prop_assert_eq!(read.chars().count(), text.chars().count());
    }
}
