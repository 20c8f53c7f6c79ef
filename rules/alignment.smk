localrules:
    solve_mosaic,


use rule step as match_sources with:
    """sky list + reference → matches/{image}.ecsv"""
    input:
        **project.inputs("match_sources"),
    output:
        **project.outputs("match_sources"),
    log:
        project.log("match_sources"),
    wildcard_constraints:
        **project.constraints("match_sources"),
    group:
        "fit"
    resources:
        **project.resources("match_sources"),
    params:
        job=project.job("match_sources"),


use rule step as fit_alignment with:
    """matches → fits/{image}.json and its pairs"""
    input:
        **project.inputs("fit_alignment"),
    output:
        **project.outputs("fit_alignment"),
    log:
        project.log("fit_alignment"),
    wildcard_constraints:
        **project.constraints("fit_alignment"),
    group:
        "fit"
    resources:
        **project.resources("fit_alignment"),
    params:
        job=project.job("fit_alignment"),


use rule step as align with:
    """all sky lists, one after the other → matches, fits and a reference that grows"""
    input:
        **project.inputs("align"),
    output:
        **project.outputs("align"),
    log:
        project.log("align"),
    resources:
        **project.resources("align"),
    params:
        job=project.job("align"),


use rule step as match_pair with:
    """two sky lists that overlap → pairs/{pair}.ecsv"""
    input:
        **project.inputs("match_pair"),
    output:
        **project.outputs("match_pair"),
    log:
        project.log("match_pair"),
    wildcard_constraints:
        **project.constraints("match_pair"),
    group:
        "pairs"
    resources:
        **project.resources("match_pair"),
    params:
        job=project.job("match_pair"),


use rule step as solve_mosaic with:
    """all sky lists and pairs → all fits, and what they say together"""
    input:
        **project.inputs("solve_mosaic"),
    output:
        **project.outputs("solve_mosaic"),
    log:
        project.log("solve_mosaic"),
    resources:
        **project.resources("solve_mosaic"),
    params:
        job=project.job("solve_mosaic"),
