rule update_wcs:
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
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("update_wcs"),
        runtime=project.runtime("update_wcs"),
    params:
        job=project.job("update_wcs"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"


rule make_masks:
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
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("make_masks"),
        runtime=project.runtime("make_masks"),
    params:
        job=project.job("make_masks"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"
