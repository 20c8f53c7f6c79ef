localrules:
    solve_mosaic,


rule match_sources:
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
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("match_sources"),
        runtime=project.runtime("match_sources"),
    params:
        job=project.job("match_sources"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"


rule fit_alignment:
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
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("fit_alignment"),
        runtime=project.runtime("fit_alignment"),
    params:
        job=project.job("fit_alignment"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"


rule align:
    """all sky lists, one after the other → matches, fits and a reference that grows"""
    input:
        **project.inputs("align"),
    output:
        **project.outputs("align"),
    log:
        project.log("align"),
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("align"),
        runtime=project.runtime("align"),
    params:
        job=project.job("align"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"


rule match_pair:
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
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("match_pair"),
        runtime=project.runtime("match_pair"),
    params:
        job=project.job("match_pair"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"


rule solve_mosaic:
    """all sky lists and pairs → all fits, and what they say together"""
    input:
        **project.inputs("solve_mosaic"),
    output:
        **project.outputs("solve_mosaic"),
    log:
        project.log("solve_mosaic"),
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("solve_mosaic"),
        runtime=project.runtime("solve_mosaic"),
    params:
        job=project.job("solve_mosaic"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"
