// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The makers of all mechanisms, each defined in its file below mechanisms/. One a line, by name.
#pragma once

#include "core/discovery/mechanism.h"

namespace narthex::discovery {

std::unique_ptr<MechanismConfig> makeAivenConfig();
std::unique_ptr<MechanismConfig> makeAwsConfig();
std::unique_ptr<MechanismConfig> makeAzureConfig();
std::unique_ptr<MechanismConfig> makeConsulConfig();
std::unique_ptr<MechanismConfig> makeDigitalOceanConfig();
std::unique_ptr<MechanismConfig> makeDnsConfig();
std::unique_ptr<MechanismConfig> makeDockerConfig();
std::unique_ptr<MechanismConfig> makeDockerSwarmConfig();
std::unique_ptr<MechanismConfig> makeEc2Config();
std::unique_ptr<MechanismConfig> makeEcsConfig();
std::unique_ptr<MechanismConfig> makeElasticacheConfig();
std::unique_ptr<MechanismConfig> makeEurekaConfig();
std::unique_ptr<MechanismConfig> makeFileConfig();
std::unique_ptr<MechanismConfig> makeGceConfig();
std::unique_ptr<MechanismConfig> makeHetznerConfig();
std::unique_ptr<MechanismConfig> makeHttpConfig();
std::unique_ptr<MechanismConfig> makeIonosConfig();
std::unique_ptr<MechanismConfig> makeKubernetesConfig();
std::unique_ptr<MechanismConfig> makeKumaConfig();
std::unique_ptr<MechanismConfig> makeLightsailConfig();
std::unique_ptr<MechanismConfig> makeLinodeConfig();
std::unique_ptr<MechanismConfig> makeMarathonConfig();
std::unique_ptr<MechanismConfig> makeMskConfig();
std::unique_ptr<MechanismConfig> makeNerveConfig();
std::unique_ptr<MechanismConfig> makeNomadConfig();
std::unique_ptr<MechanismConfig> makeOciConfig();
std::unique_ptr<MechanismConfig> makeOpenStackConfig();
std::unique_ptr<MechanismConfig> makeOutscaleConfig();
std::unique_ptr<MechanismConfig> makeOvhCloudConfig();
std::unique_ptr<MechanismConfig> makePuppetDbConfig();
std::unique_ptr<MechanismConfig> makeRdsConfig();
std::unique_ptr<MechanismConfig> makeScalewayConfig();
std::unique_ptr<MechanismConfig> makeServersetConfig();
std::unique_ptr<MechanismConfig> makeStackitConfig();
std::unique_ptr<MechanismConfig> makeTritonConfig();
std::unique_ptr<MechanismConfig> makeUyuniConfig();
std::unique_ptr<MechanismConfig> makeVultrConfig();

} // namespace narthex::discovery
