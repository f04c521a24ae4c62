//! What `wit-bindgen` makes of the contract. Two worlds, because a policy that transforms nothing
//! must not export `transform`; and the grants apart, because only what is used is imported.

wit_bindgen::generate!({
    path: "../../wit",
    world: "policy",
    pub_export_macro: true,
    export_macro_name: "export_hooks",
    default_bindings_module: "sluice_sdk::bindings",
    generate_unused_types: true,
    additional_derives: [PartialEq],
});

/// What a policy exports beside `hooks` to transform values.
pub mod transforming {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package sluice:transforming;
            world transforming {
                export sluice:policy/transform@0.1.0;
            }
        ",
        world: "sluice:transforming/transforming",
        pub_export_macro: true,
        export_macro_name: "export_transform",
        default_bindings_module: "sluice_sdk::bindings::transforming",
        with: { "sluice:policy/types@0.1.0": crate::bindings::sluice::policy::types },
    });
}

/// What must be granted.
pub mod grants {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package sluice:grants;
            world grants {
                import sluice:policy/log@0.1.0;
                import sluice:policy/clock@0.1.0;
                import sluice:policy/counters@0.1.0;
                import sluice:policy/keyed@0.1.0;
                import sluice:policy/tables@0.1.0;
                import sluice:policy/grants@0.1.0;
            }
        ",
        world: "sluice:grants/grants",
        with: { "sluice:policy/types@0.1.0": crate::bindings::sluice::policy::types },
        generate_all,
    });
}
