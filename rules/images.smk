use rule step as update_wcs with:
    """exposure + reference files → working/{image}.fits, with its WCS made anew"""
    input:
        **project.inputs("update_wcs"),
    output:
        **project.outputs("update_wcs"),
    log:
        project.log("update_wcs"),
    wildcard_constraints:
        **project.constraints("update_wcs"),
    group:
        "find"
    resources:
        **project.resources("update_wcs"),
    params:
        job=project.job("update_wcs"),


use rule step as make_masks with:
    """exposure + region files → masks/{image}.fits"""
    input:
        **project.inputs("make_masks"),
    output:
        **project.outputs("make_masks"),
    log:
        project.log("make_masks"),
    wildcard_constraints:
        **project.constraints("make_masks"),
    group:
        "find"
    resources:
        **project.resources("make_masks"),
    params:
        job=project.job("make_masks"),
