localrules:
    build_reference_plane,
    build_reference,


rule build_reference_plane:
    """all WCS → reference/wcs.fits"""
    input:
        **project.inputs("build_reference_plane"),
    output:
        **project.outputs("build_reference_plane"),
    log:
        project.log("build_reference_plane"),
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("build_reference_plane"),
        runtime=project.runtime("build_reference_plane"),
    params:
        job=project.job("build_reference_plane"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"


rule build_reference:
    """reference catalog, or one image's sky list → reference/sources.ecsv"""
    input:
        **project.inputs("build_reference"),
    output:
        **project.outputs("build_reference"),
    log:
        project.log("build_reference"),
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("build_reference"),
        runtime=project.runtime("build_reference"),
    params:
        job=project.job("build_reference"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"
