rule find_sources:
    """exposure + mask → catalogs/{image}.ecsv and its quicklook"""
    input:
        **project.inputs("find_sources"),
    output:
        **project.outputs("find_sources"),
    log:
        project.log("find_sources"),
    wildcard_constraints:
        **project.constraints("find_sources"),
    group:
        "find"
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("find_sources"),
        runtime=project.runtime("find_sources"),
    params:
        job=project.job("find_sources"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"


rule read_catalogs:
    """catalogs made elsewhere → catalogs/{image}.ecsv"""
    input:
        **project.inputs("read_catalogs"),
    output:
        **project.outputs("read_catalogs"),
    log:
        project.log("read_catalogs"),
    wildcard_constraints:
        **project.constraints("read_catalogs"),
    group:
        "find"
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("read_catalogs"),
        runtime=project.runtime("read_catalogs"),
    params:
        job=project.job("read_catalogs"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"


rule draw_image:
    """pixels + catalog → quicklooks/{image}.json, where sources come from catalogs"""
    input:
        **project.inputs("draw_image"),
    output:
        **project.outputs("draw_image"),
    log:
        project.log("draw_image"),
    wildcard_constraints:
        **project.constraints("draw_image"),
    group:
        "find"
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("draw_image"),
        runtime=project.runtime("draw_image"),
    params:
        job=project.job("draw_image"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"


rule build_psf:
    """dithered exposures + catalogs → psf/{psf}.fits"""
    input:
        **project.inputs("build_psf"),
    output:
        **project.outputs("build_psf"),
    log:
        project.log("build_psf"),
    wildcard_constraints:
        **project.constraints("build_psf"),
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("build_psf"),
        runtime=project.runtime("build_psf"),
    params:
        job=project.job("build_psf"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"


rule measure_positions:
    """exposure + catalog + PSF → positions/{image}.ecsv"""
    input:
        **project.inputs("measure_positions"),
    output:
        **project.outputs("measure_positions"),
    log:
        project.log("measure_positions"),
    wildcard_constraints:
        **project.constraints("measure_positions"),
    group:
        project.measuring_group
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("measure_positions"),
        runtime=project.runtime("measure_positions"),
    params:
        job=project.job("measure_positions"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"


rule undistort_sources:
    """catalog + WCS → sky/{image}.ecsv"""
    input:
        **project.inputs("undistort_sources"),
    output:
        **project.outputs("undistort_sources"),
    log:
        project.log("undistort_sources"),
    wildcard_constraints:
        **project.constraints("undistort_sources"),
    group:
        project.measuring_group
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("undistort_sources"),
        runtime=project.runtime("undistort_sources"),
    params:
        job=project.job("undistort_sources"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"
