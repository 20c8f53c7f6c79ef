localrules:
    write_catfile_list,
    write_refcat,
    write_shiftfile,


rule write_headerlet:
    """fit + exposure → headerlets/"""
    input:
        **project.inputs("write_headerlet"),
    output:
        **project.outputs("write_headerlet"),
    log:
        project.log("write_headerlet"),
    wildcard_constraints:
        **project.constraints("write_headerlet"),
    group:
        "fit"
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("write_headerlet"),
        runtime=project.runtime("write_headerlet"),
    params:
        job=project.job("write_headerlet"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"


rule update_header:
    """fit + exposure → aligned/ under its own file name"""
    input:
        **project.inputs("update_header"),
    output:
        **project.outputs("update_header"),
    log:
        project.log("update_header"),
    wildcard_constraints:
        **project.constraints("update_header"),
    group:
        "fit"
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("update_header"),
        runtime=project.runtime("update_header"),
    params:
        job=project.job("update_header"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"


rule transfer_header:
    """fit + another file of the exposure → aligned/ under its own file name"""
    input:
        **project.inputs("transfer_header"),
    output:
        **project.outputs("transfer_header"),
    log:
        project.log("transfer_header"),
    wildcard_constraints:
        **project.constraints("transfer_header"),
    group:
        "fit"
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("transfer_header"),
        runtime=project.runtime("transfer_header"),
    params:
        job=project.job("transfer_header"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"


rule write_chip_catalog:
    """catalog → TweakReg's text catalog of one chip"""
    input:
        **project.inputs("write_chip_catalog"),
    output:
        **project.outputs("write_chip_catalog"),
    log:
        project.log("write_chip_catalog"),
    wildcard_constraints:
        **project.constraints("write_chip_catalog"),
    group:
        "fit"
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("write_chip_catalog"),
        runtime=project.runtime("write_chip_catalog"),
    params:
        job=project.job("write_chip_catalog"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"


rule write_catalogs:
    """sky list + pairs + fit → TweakReg's text catalogs and match files"""
    input:
        **project.inputs("write_catalogs"),
    output:
        **project.outputs("write_catalogs"),
    log:
        project.log("write_catalogs"),
    wildcard_constraints:
        **project.constraints("write_catalogs"),
    group:
        "fit"
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("write_catalogs"),
        runtime=project.runtime("write_catalogs"),
    params:
        job=project.job("write_catalogs"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"


rule write_sky_catalog:
    """sky list of the reference image → TweakReg's text catalog"""
    input:
        **project.inputs("write_sky_catalog"),
    output:
        **project.outputs("write_sky_catalog"),
    log:
        project.log("write_sky_catalog"),
    wildcard_constraints:
        **project.constraints("write_sky_catalog"),
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("write_sky_catalog"),
        runtime=project.runtime("write_sky_catalog"),
    params:
        job=project.job("write_sky_catalog"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"


rule write_catfile_list:
    """→ TweakReg's list of all text catalogs"""
    input:
        **project.inputs("write_catfile_list"),
    output:
        **project.outputs("write_catfile_list"),
    log:
        project.log("write_catfile_list"),
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("write_catfile_list"),
        runtime=project.runtime("write_catfile_list"),
    params:
        job=project.job("write_catfile_list"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"


rule write_refcat:
    """reference sources → TweakReg's cumulative catalog"""
    input:
        **project.inputs("write_refcat"),
    output:
        **project.outputs("write_refcat"),
    log:
        project.log("write_refcat"),
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("write_refcat"),
        runtime=project.runtime("write_refcat"),
    params:
        job=project.job("write_refcat"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"


rule write_shiftfile:
    """all fits → the shift file and its reference WCS"""
    input:
        **project.inputs("write_shiftfile"),
    output:
        **project.outputs("write_shiftfile"),
    log:
        project.log("write_shiftfile"),
    conda:
        "environment.yaml"
    resources:
        mem_mb=project.mem_mb("write_shiftfile"),
        runtime=project.runtime("write_shiftfile"),
    params:
        job=project.job("write_shiftfile"),
    shell:
        "tweakreg-step {params.job:q} 2> {log:q}"
